// Text that is read, not written, with some stretches marked. Stretches may overlap: each piece carries every mark
// that covers it.

import type { Stretch } from "../text/scalars";

/** A stretch and how it looks. */
export interface MarkedStretch extends Stretch {
  readonly kind: string;
  readonly title?: string;
}

export function Marked({ text, marks }: { readonly text: string; readonly marks: readonly MarkedStretch[] }) {
  const borders = new Set([0, text.length]);
  for (const { start, end } of marks) {
    borders.add(Math.min(start, text.length));
    borders.add(Math.min(end, text.length));
  }
  const sorted = [...borders].sort((a, b) => a - b);
  return (
    <p class="marked" dir="auto">
      {sorted.slice(0, -1).map((start, index) => {
        const end = sorted[index + 1] ?? text.length;
        const covering = marks.filter((mark) => mark.start <= start && mark.end >= end);
        const piece = text.slice(start, end);
        if (covering.length === 0) return piece;
        return (
          <mark key={start} class={covering.map(({ kind }) => `mark-${kind}`).join(" ")} title={titles(covering)}>
            {piece}
          </mark>
        );
      })}
    </p>
  );
}

function titles(marks: readonly MarkedStretch[]): string | undefined {
  return marks.flatMap(({ title }) => title ?? []).join(" · ") || undefined;
}
