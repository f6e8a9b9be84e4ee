// The draft on the desk: its live feedback, the cursor, which kinds of finding are shown, and what is underlined.

import { computed, effect, signal } from "@preact/signals";
import { writing } from "../calling/clients";
import { FindingCategory } from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { forgotten, kept } from "../keeping";
import type { Highlights } from "../text/highlighting";
import type { Stretch } from "../text/scalars";
import { Feedback } from "./feedback";
import { type Mark, nearest } from "./placing";

/** The three kinds of finding, in the order of the page. */
export const KINDS = ["clarity", "structure", "reflection"] as const;

/** A kind of finding. */
export type Kind = (typeof KINDS)[number];

/** A mark of more units is a whole sentence: its line is thinner, so that what is marked inside it still shows. */
const WIDE = 80;

/** Live feedback on the essay. */
export const feedback = new Feedback((request, options) => writing.analyzeDraft(request, options));

/** Where the reader is in the essay, in UTF-16 units. */
export const cursor = signal(0);

/** Which kinds are underlined and listed. */
export const shown = signal<ReadonlySet<Kind>>(new Set(KINDS));

/** The kind of a mark; what a later version of the contract adds counts as clarity. */
export function kindOf({ finding }: Mark): Kind {
  if (finding.category === FindingCategory.STRUCTURE) return "structure";
  if (finding.category === FindingCategory.REFLECTION) return "reflection";
  return "clarity";
}

/** The marks that are shown. */
export const marks = computed(() => feedback.marks.value.filter((mark) => shown.value.has(kindOf(mark))));

/** The mark the margin speaks of. */
export const active = computed(() => nearest(marks.value, cursor.value));

/** How many there are of each kind, shown or not. */
export const counts = computed(() => {
  const found: Record<Kind, number> = { clarity: 0, structure: 0, reflection: 0 };
  for (const mark of feedback.marks.value) found[kindOf(mark)]++;
  return found;
});

/** What the editor underlines. */
export const highlights = computed<Highlights>(() => {
  const map = new Map<string, Stretch[]>();
  for (const mark of marks.value) {
    const name = mark.end - mark.start > WIDE ? `${kindOf(mark)}-wide` : kindOf(mark);
    const list = map.get(name) ?? [];
    list.push(mark);
    map.set(name, list);
  }
  if (active.value) {
    map.set("active", [active.value]);
    map.set("related", [...active.value.related]);
  }
  return map;
});

/** The finding before or after the cursor; round the end. Those without a place are left to the list. */
export function neighbour(step: 1 | -1): Mark | undefined {
  const placed = marks.value.filter(({ start, end }) => end > start);
  const here = active.value?.id;
  const at = placed.findIndex(({ id }) => id === here);
  if (placed.length === 0) return undefined;
  return placed[(at + step + placed.length) % placed.length];
}

effect(() => feedback.changed(kept.essay.value, cursor.peek()));
effect(() => {
  if (forgotten.value > 0) cursor.value = 0;
});
