// Which finding stands where in the text as it is now. Feedback comes by paragraph, each with a fingerprint of its
// words; a paragraph whose fingerprint is known is never sent again, so what was found in it is remembered here and
// put where the paragraph stands. Between two replies every mark is carried over the reader's edits.
//
// All positions here are UTF-16 units of the current text.

import type {
  DraftMeasures,
  Finding,
  ParagraphFeedback,
} from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { carried, type Edit } from "../text/edits";
import type { Scalars, Stretch } from "../text/scalars";

/** A finding at its place in the current text. */
export interface Mark extends Stretch {
  /** The same for the same finding while its place moves. */
  readonly id: string;
  readonly finding: Finding;
  readonly related: readonly Stretch[];
}

/** The contract takes no more. */
const MOST_KNOWN = 5_000;

/** The marks of one draft. */
export class Placing {
  /** What was found in each paragraph, by its fingerprint, counted from the paragraph's start. */
  readonly #remembered = new Map<bigint, readonly Mark[]>();
  #paragraphs: readonly Mark[] = [];
  #whole: readonly Mark[] = [];

  /** Fingerprints whose feedback need not be sent again. */
  get known(): bigint[] {
    return [...this.#remembered.keys()].slice(-MOST_KNOWN);
  }

  /** Every mark, by where it starts. */
  get marks(): readonly Mark[] {
    return [...this.#paragraphs, ...this.#whole].sort((a, b) => a.start - b.start || a.end - b.end);
  }

  /** The reader changed the text. */
  edited(edit: Edit): void {
    this.#paragraphs = carry(this.#paragraphs, edit);
    this.#whole = carry(this.#whole, edit);
  }

  /** One paragraph was analysed. */
  heard(feedback: ParagraphFeedback, scalars: Scalars): void {
    const from = feedback.span?.start ?? 0;
    const place = scalars.stretch(feedback.span);
    const relative = feedback.findings.map((finding, index) => {
      const within = (span: Stretch | undefined) =>
        moved(scalars.stretch(span && { start: span.start + from, end: span.end + from }), -place.start);
      return {
        ...within(finding.span),
        id: `${feedback.fingerprint}.${index}`,
        finding,
        related: finding.related.map(within),
      };
    });
    this.#remembered.delete(feedback.fingerprint);
    this.#remembered.set(feedback.fingerprint, relative);
    this.#paragraphs = [
      ...this.#paragraphs.filter((mark) => mark.end < place.start || mark.start > place.end),
      ...at(relative, place.start),
    ];
  }

  /** The stream ended: every paragraph is placed, what is gone is dropped. */
  settled(measures: DraftMeasures, scalars: Scalars): void {
    const present = new Set(measures.paragraphs.map(({ fingerprint }) => fingerprint));
    for (const fingerprint of this.#remembered.keys()) {
      if (!present.has(fingerprint)) this.#remembered.delete(fingerprint);
    }
    this.#paragraphs = measures.paragraphs.flatMap(({ fingerprint, span }) =>
      at(this.#remembered.get(fingerprint) ?? [], scalars.stretch(span).start),
    );
    this.#whole = measures.findings.map((finding, index) => ({
      ...scalars.stretch(finding.span),
      id: `whole.${finding.kind}.${index}`,
      finding,
      related: finding.related.map((span) => scalars.stretch(span)),
    }));
  }

  /** Nothing is known any more. */
  clear(): void {
    this.#remembered.clear();
    this.#paragraphs = [];
    this.#whole = [];
  }
}

/** The mark that contains the position, the tightest first; else the nearest; undefined without marks. */
export function nearest(marks: readonly Mark[], position: number): Mark | undefined {
  const away = (mark: Mark) => Math.max(mark.start - position, position - mark.end, 0);
  let best: Mark | undefined;
  for (const mark of marks) {
    // What is missing has no place: it is in the list, not in the margin.
    if (mark.start === mark.end) continue;
    if (!best) best = mark;
    else if (away(mark) !== away(best)) best = away(mark) < away(best) ? mark : best;
    else if (mark.end - mark.start < best.end - best.start) best = mark;
  }
  return best;
}

function at(marks: readonly Mark[], start: number): Mark[] {
  return marks.map((mark) => ({
    ...mark,
    ...moved(mark, start),
    // Two paragraphs of the same words have the same fingerprint, and their marks must still differ.
    id: `${mark.id}@${start}`,
    related: mark.related.map((stretch) => moved(stretch, start)),
  }));
}

function moved(stretch: Stretch, by: number): Stretch {
  return { start: stretch.start + by, end: stretch.end + by };
}

function carry(marks: readonly Mark[], edit: Edit): Mark[] {
  return marks.flatMap((mark) => {
    const place = carried(mark, edit);
    if (!place) return [];
    const related = mark.related.flatMap((stretch) => carried(stretch, edit) ?? []);
    return [{ ...mark, ...place, related }];
  });
}
