// Live feedback on the draft: sends the text a moment after a keystroke, cancels what runs when the reader types on,
// and asks only for paragraphs whose feedback it does not have. The text itself is never touched.

import { batch, signal } from "@preact/signals";
import { type Failure, failureOf } from "../calling/failures";
import { insist } from "../calling/insisting";
import type {
  AnalyzeDraftRequest,
  AnalyzeDraftResponse,
  Measures,
  StructureElement,
} from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { editBetween } from "../text/edits";
import { Scalars, type Stretch, wellFormed } from "../text/scalars";
import { type Mark, Placing } from "./placing";

/** Where the feedback stands. `empty`: no text; `reading`: a call is under way; `settled`: it fits the text. */
export type Standing =
  | { readonly state: "empty" }
  | { readonly state: "reading"; readonly slow: boolean }
  | { readonly state: "settled" }
  | { readonly state: "failed"; readonly failure: Failure; readonly nextAt: number | undefined };

/** A part of the argument at its place. */
export interface PlacedElement extends Stretch {
  readonly element: StructureElement;
}

/** The one method it needs. */
export type AnalyzeDraft = (
  request: Pick<AnalyzeDraftRequest, "text" | "revision" | "cursor" | "knownParagraphs">,
  options: { signal: AbortSignal },
) => AsyncIterable<AnalyzeDraftResponse>;

/** Between two calls, at least. */
export const PAUSE_MS = 250;
const SLOW_MS = 3_000;
/** Between two drawings of a stream. */
const DRAWN_MS = 50;

/** The feedback on one draft. */
export class Feedback {
  readonly standing = signal<Standing>({ state: "empty" });
  readonly marks = signal<readonly Mark[]>([]);
  readonly measures = signal<Measures | undefined>(undefined);
  readonly structure = signal<readonly PlacedElement[]>([]);

  readonly #analyze: AnalyzeDraft;
  readonly #placing = new Placing();
  #text = "";
  #cursor = 0;
  #revision = 0n;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;

  constructor(analyze: AnalyzeDraft) {
    this.#analyze = analyze;
  }

  /** The draft is now this text, with the cursor at this UTF-16 position. */
  changed(text: string, cursor: number): void {
    this.#cursor = cursor;
    const edit = editBetween(this.#text, text);
    if (!edit) return;
    this.#text = text;
    this.#revision++;
    this.#running?.abort();
    this.#placing.edited(edit);
    batch(() => {
      this.marks.value = this.#placing.marks;
      if (text.trim() === "") {
        this.#stop();
      } else {
        // Typing on under a failure keeps it in sight until an answer takes its place.
        if (this.standing.value.state !== "failed") this.standing.value = { state: "reading", slow: false };
        this.#timer ??= setTimeout(() => void this.#read(), PAUSE_MS);
      }
    });
  }

  /** Ends what runs and forgets what was found. */
  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running?.abort();
    this.#clear();
    this.standing.value = { state: "empty" };
  }

  #clear(): void {
    this.#placing.clear();
    this.marks.value = [];
    this.measures.value = undefined;
    this.structure.value = [];
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const slow = setInterval(() => {
      if (this.standing.value.state === "reading") this.standing.value = { state: "reading", slow: true };
    }, SLOW_MS);
    running.signal.addEventListener("abort", () => clearInterval(slow));
    try {
      await insist(() => this.#hear(running.signal), {
        signal: running.signal,
        onPause: (failure, nextAt) => {
          this.standing.value = { state: "failed", failure, nextAt };
        },
      });
      if (!running.signal.aborted) this.standing.value = { state: "settled" };
    } catch (thrown) {
      if (running.signal.aborted) return;
      const failure = failureOf(thrown);
      batch(() => {
        // Nothing was judged, so nothing of an earlier state may look as if it had been.
        this.#clear();
        this.standing.value = { state: "failed", failure, nextAt: undefined };
      });
    } finally {
      clearInterval(slow);
    }
  }

  async #hear(ended: AbortSignal): Promise<void> {
    const scalars = new Scalars(this.#text);
    const request = {
      text: wellFormed(this.#text),
      revision: this.#revision,
      cursor: scalars.toScalars(this.#cursor),
      knownParagraphs: this.#placing.known,
    };
    let shownAt = Number.NEGATIVE_INFINITY;
    for await (const { feedback } of this.#analyze(request, { signal: ended })) {
      if (ended.aborted) return;
      if (feedback.case === "paragraph") {
        this.#placing.heard(feedback.value, scalars);
        // A long draft has thousands of paragraphs: drawing each alone would take longer than reading them.
        if (performance.now() - shownAt < DRAWN_MS) continue;
        shownAt = performance.now();
        this.marks.value = this.#placing.marks;
      } else if (feedback.case === "measures") {
        const { value } = feedback;
        this.#placing.settled(value, scalars);
        batch(() => {
          this.marks.value = this.#placing.marks;
          this.measures.value = value.measures;
          this.structure.value = value.structure.map((element) => ({ ...scalars.stretch(element.span), element }));
        });
      }
    }
  }
}
