import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { nearest, Placing } from "../src/desk/placing";
import {
  DraftMeasuresSchema,
  FindingKind,
  ParagraphFeedbackSchema,
} from "../src/generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { editBetween } from "../src/text/edits";
import { Scalars } from "../src/text/scalars";

/** Feedback on one paragraph with one finding, told in scalar values from the paragraph's start. */
function feedback(fingerprint: bigint, span: [number, number], finding: [number, number]) {
  return create(ParagraphFeedbackSchema, {
    fingerprint,
    span: { start: span[0], end: span[1] },
    findings: [
      {
        kind: FindingKind.PASSIVE_VOICE,
        span: { start: finding[0], end: finding[1] },
        related: [{ start: 0, end: finding[0] }],
      },
    ],
  });
}

function settled(...places: [bigint, number, number][]) {
  return create(DraftMeasuresSchema, {
    paragraphs: places.map(([fingerprint, start, end]) => ({ fingerprint, span: { start, end } })),
  });
}

function words(text: string, placing: Placing): string[] {
  return placing.marks.map(({ start, end }) => text.slice(start, end));
}

describe("marks", () => {
  const text = "😀 one two.\n\n🎓 it was made.";
  const scalars = new Scalars(text);
  // Scalars: the first paragraph is 0..10, the second 12..26; "was made" is 5..13 of it.
  const second = feedback(2n, [12, 26], [5, 13]);

  it("stand under their words whatever stands before them", () => {
    const placing = new Placing();
    placing.heard(second, scalars);
    expect(words(text, placing)).toEqual(["was made"]);
    expect(placing.marks[0]?.related.map(({ start, end }) => text.slice(start, end))).toEqual(["🎓 it "]);
  });

  it("are remembered by fingerprint and placed anew when their paragraph moved", () => {
    const placing = new Placing();
    placing.heard(second, scalars);
    expect(placing.known).toEqual([2n]);
    const after = "🎓 it was made.\n\n😀 one two.";
    const edit = editBetween(text, after);
    if (edit) placing.edited(edit);
    placing.settled(settled([2n, 0, 14], [1n, 16, 26]), new Scalars(after));
    expect(words(after, placing)).toEqual(["was made"]);
  });

  it("of two equal paragraphs stand in both", () => {
    const twice = "it was made.\nit was made.";
    const placing = new Placing();
    placing.heard(feedback(9n, [0, 12], [3, 11]), new Scalars(twice));
    placing.settled(settled([9n, 0, 12], [9n, 13, 25]), new Scalars(twice));
    expect(words(twice, placing)).toEqual(["was made", "was made"]);
    expect(new Set(placing.marks.map(({ id }) => id)).size).toBe(2);
  });

  it("of a paragraph that is gone are forgotten", () => {
    const placing = new Placing();
    placing.heard(second, scalars);
    placing.settled(settled([1n, 0, 10]), new Scalars("😀 one two."));
    expect(placing.marks).toEqual([]);
    expect(placing.known).toEqual([]);
  });

  it("move with the text while no answer has come", () => {
    const placing = new Placing();
    placing.heard(second, scalars);
    const after = `Before. ${text}`;
    const edit = editBetween(text, after);
    if (edit) placing.edited(edit);
    expect(words(after, placing)).toEqual(["was made"]);
  });

  it("of a paragraph that was read again replace the old ones", () => {
    const placing = new Placing();
    placing.heard(second, scalars);
    placing.heard(feedback(3n, [12, 26], [2, 4]), scalars);
    expect(words(text, placing)).toEqual(["it"]);
  });
});

describe("the nearest mark", () => {
  const mark = (start: number, end: number) => ({ start, end, id: `${start}.${end}`, related: [] }) as never;
  it("is the tightest around the position, else the closest, never one without a place", () => {
    const marks = [mark(0, 0), mark(2, 40), mark(10, 20), mark(60, 70)];
    expect(nearest(marks, 15)?.id).toBe("10.20");
    expect(nearest(marks, 45)?.id).toBe("2.40");
    expect(nearest(marks, 58)?.id).toBe("60.70");
    expect(nearest([mark(0, 0)], 0)).toBeUndefined();
  });
});
