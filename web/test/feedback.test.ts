import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AnalyzeDraft, Feedback } from "../src/desk/feedback";
import {
  type AnalyzeDraftResponse,
  AnalyzeDraftResponseSchema,
} from "../src/generated/lyceum/writing_analysis/v1/writing_analysis_pb";

/** One call that the page made, and the two ways to answer it. */
interface Call {
  readonly text: string;
  readonly known: readonly bigint[];
  readonly signal: AbortSignal;
  send(answer: AnalyzeDraftResponse): void;
  end(error?: ConnectError): void;
}

/** A service that answers when the test says so. */
function service(): { analyze: AnalyzeDraft; calls: Call[] } {
  const calls: Call[] = [];
  const analyze: AnalyzeDraft = async function* (request, { signal }) {
    const waiting: (AnalyzeDraftResponse | ConnectError | undefined)[] = [];
    let wake = () => {};
    const push = (item: AnalyzeDraftResponse | ConnectError | undefined) => {
      waiting.push(item);
      wake();
    };
    signal.addEventListener("abort", () => push(new ConnectError("cancelled", Code.Canceled)));
    calls.push({ text: request.text, known: request.knownParagraphs, signal, send: push, end: (error) => push(error) });
    for (;;) {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const item = waiting.shift();
      if (item === undefined) return;
      if (item instanceof ConnectError) throw item;
      yield item;
    }
  };
  return { analyze, calls };
}

function paragraph(fingerprint: bigint, start: number, end: number) {
  return create(AnalyzeDraftResponseSchema, {
    feedback: {
      case: "paragraph",
      value: { fingerprint, span: { start, end }, findings: [{ span: { start: 0, end: 3 } }] },
    },
  });
}

function measures(...places: [bigint, number, number][]) {
  return create(AnalyzeDraftResponseSchema, {
    feedback: {
      case: "measures",
      value: { paragraphs: places.map(([fingerprint, start, end]) => ({ fingerprint, span: { start, end } })) },
    },
  });
}

describe("live feedback", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const settle = () => vi.advanceTimersByTimeAsync(300);

  it("asks once for many keystrokes, within 300 ms, with the last text", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    for (const text of ["O", "On", "One"]) feedback.changed(text, text.length);
    await settle();
    expect(calls.map(({ text }) => text)).toEqual(["One"]);
  });

  it("cancels what runs when the writer types on, and names what it has already", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    feedback.changed("One.\nTwo.", 9);
    await settle();
    calls[0]?.send(paragraph(1n, 0, 4));
    await vi.advanceTimersByTimeAsync(0);
    expect(feedback.marks.value).toHaveLength(1);

    feedback.changed("One.\nTwo and", 12);
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(feedback.marks.value).toHaveLength(1);
    await settle();
    expect(calls).toHaveLength(2);
    expect(calls[1]?.known).toEqual([1n]);

    calls[1]?.send(paragraph(2n, 5, 12));
    calls[1]?.send(measures([1n, 0, 4], [2n, 5, 12]));
    calls[1]?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(feedback.marks.value.map(({ start, end }) => [start, end])).toEqual([
      [0, 3],
      [5, 8],
    ]);
    expect(feedback.standing.value.state).toBe("settled");
  });

  it("asks again, unseen, when a stream breaks, and only for the rest", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    const seen: string[] = [];
    feedback.standing.subscribe(({ state }) => seen.push(state));
    feedback.changed("One.\nTwo.", 0);
    await settle();
    calls[0]?.send(paragraph(1n, 0, 4));
    calls[0]?.end(new ConnectError("gone", Code.Unavailable));
    await settle();
    expect(calls[1]?.known).toEqual([1n]);
    calls[1]?.send(measures([1n, 0, 4]));
    calls[1]?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(feedback.standing.value.state).toBe("settled");
    expect(seen).not.toContain("failed");
  });

  it("tells when the service stays away, keeps the marks, and returns by itself", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    feedback.changed("One.", 0);
    await settle();
    calls[0]?.send(paragraph(1n, 0, 4));
    for (let turn = 0; turn < 3; turn++) {
      calls[turn]?.end(new ConnectError("away", Code.Unavailable));
      await settle();
    }
    expect(feedback.standing.value).toMatchObject({ state: "failed", failure: { kind: "down" } });
    expect(feedback.marks.value).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    calls[3]?.send(measures([1n, 0, 4]));
    calls[3]?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(feedback.standing.value.state).toBe("settled");
  });

  it("does not ask again for a text that cannot be judged, and shows nothing of it", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    feedback.changed("Eins.", 0);
    await settle();
    calls[0]?.send(paragraph(1n, 0, 5));
    calls[0]?.end(new ConnectError("no", Code.FailedPrecondition));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
    expect(feedback.standing.value).toMatchObject({ state: "failed", nextAt: undefined });
    expect(feedback.marks.value).toEqual([]);
  });

  it("has nothing to say to an empty page, and sends nothing", async () => {
    const { analyze, calls } = service();
    const feedback = new Feedback(analyze);
    feedback.changed("One", 3);
    feedback.changed("  \n", 3);
    await settle();
    expect(calls).toHaveLength(0);
    expect(feedback.standing.value.state).toBe("empty");
  });
});
