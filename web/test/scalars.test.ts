import { describe, expect, it } from "vitest";
import { Scalars, wellFormed } from "../src/text/scalars";

/** A small seeded generator, so that a failure can be told again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const LETTERS = ["a", " ", "é", "e\u0301", "ש", "ﷺ", "漢", "😀", "👩‍🎓", "𝒳", "\n", "🇬🇷"];

describe("scalar positions", () => {
  it("are those of code points, on any text", () => {
    const random = seeded(7);
    for (let round = 0; round < 300; round++) {
      const length = Math.floor(random() * 40);
      const text = Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)] ?? "a").join("");
      const points = [...text];
      const scalars = new Scalars(text);
      expect(scalars.count).toBe(points.length);
      let unit = 0;
      for (let scalar = 0; scalar <= points.length; scalar++) {
        expect(scalars.toUnits(scalar)).toBe(unit);
        expect(scalars.toScalars(unit)).toBe(scalar);
        unit += points[scalar]?.length ?? 0;
      }
    }
  });

  it("inside a pair is the pair's", () => {
    const scalars = new Scalars("a😀b");
    expect([0, 1, 2, 3, 4].map((unit) => scalars.toScalars(unit))).toEqual([0, 1, 1, 2, 3]);
  });

  it("past the end is the end", () => {
    const scalars = new Scalars("😀");
    expect(scalars.toUnits(9)).toBe(2);
    expect(scalars.stretch({ start: 0, end: 9 })).toEqual({ start: 0, end: 2 });
    expect(scalars.toScalars(9)).toBe(1);
  });
});

describe("a well-formed text", () => {
  it("keeps pairs and replaces halves, without moving anything", () => {
    expect(wellFormed("x😀y")).toBe("x😀y");
    expect(wellFormed("x\uD83Dy\uDE00z\uD83D")).toBe("x\uFFFDy\uFFFDz\uFFFD");
  });
});
