import { describe, expect, it } from "vitest";
import { carried, editBetween } from "../src/text/edits";

describe("an edit between two texts", () => {
  it("is the smallest replacement", () => {
    expect(editBetween("the cat", "the fat cat")).toEqual({ start: 4, oldEnd: 4, newEnd: 8 });
    expect(editBetween("abc", "abc")).toBeUndefined();
    expect(editBetween("aaa", "aa")).toEqual({ start: 2, oldEnd: 3, newEnd: 2 });
  });

  it("makes the one text the other", () => {
    for (const [before, after] of [
      ["", "x"],
      ["one two", "one"],
      ["abab", "ab"],
      ["a\nb", "a\n\nb"],
    ] as const) {
      const edit = editBetween(before, after);
      expect(before.slice(0, edit?.start) + after.slice(edit?.start, edit?.newEnd) + before.slice(edit?.oldEnd)).toBe(
        after,
      );
    }
  });
});

describe("a place carried over an edit", () => {
  const edit = { start: 10, oldEnd: 12, newEnd: 15 };
  it("stays before it, moves after it, grows around it", () => {
    expect(carried({ start: 2, end: 10 }, edit)).toEqual({ start: 2, end: 10 });
    expect(carried({ start: 12, end: 20 }, edit)).toEqual({ start: 15, end: 23 });
    expect(carried({ start: 8, end: 14 }, edit)).toEqual({ start: 8, end: 17 });
  });
  it("is gone when the edit cut its border", () => {
    expect(carried({ start: 8, end: 11 }, edit)).toBeUndefined();
    expect(carried({ start: 11, end: 20 }, edit)).toBeUndefined();
  });
});
