// What an edit does to places in a text. Between a keystroke and the next feedback, underlines must stay under their
// words: every place is carried over the edit instead of waiting for the service.

import type { Stretch } from "./scalars";

/** One replacement: the units from start to oldEnd became those from start to newEnd. */
export interface Edit {
  readonly start: number;
  readonly oldEnd: number;
  readonly newEnd: number;
}

/** The smallest replacement that makes the one text the other; undefined when they are equal. */
export function editBetween(before: string, after: string): Edit | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail++;
  }
  return { start, oldEnd: before.length - tail, newEnd: after.length - tail };
}

/** Where a stretch is after the edit: moved, grown around it, or undefined when the edit cut into its border. */
export function carried(place: Stretch, edit: Edit): Stretch | undefined {
  const growth = edit.newEnd - edit.oldEnd;
  if (place.end <= edit.start) return place;
  if (place.start >= edit.oldEnd) return { start: place.start + growth, end: place.end + growth };
  if (place.start <= edit.start && place.end >= edit.oldEnd) return { start: place.start, end: place.end + growth };
  return undefined;
}
