// Underlines without touching the text: ranges over an editor's mirror, painted by the browser (CSS Custom Highlight
// API). The registry of the browser is one for the whole page; several editors share each kind of highlight here.
//
// When not: a browser without the API shows no underlines; every finding is in the list and the margin all the same.
// Source: css-highlight-api-1.

import type { Stretch } from "./scalars";

/** Stretches of one editor under one kind of highlight. */
export type Highlights = ReadonlyMap<string, readonly Stretch[]>;

const supported = typeof Highlight !== "undefined" && "highlights" in CSS;

/** Above others where two kinds overlap. */
const PRIORITY: Record<string, number> = { active: -2, related: -1 };

function registered(kind: string): Highlight {
  let highlight = CSS.highlights.get(kind);
  if (!highlight) {
    highlight = new Highlight();
    highlight.priority = PRIORITY[kind] ?? 0;
    CSS.highlights.set(kind, highlight);
  }
  return highlight;
}

/** Paints one editor's highlights. */
export class Painter {
  #painted: [Highlight, AbstractRange][] = [];

  /** Replaces what this painter painted. The node holds the text that the stretches count in. */
  paint(node: Text, highlights: Highlights): void {
    this.clear();
    if (!supported) return;
    for (const [kind, stretches] of highlights) {
      const highlight = registered(kind);
      for (const { start, end } of stretches) {
        if (start >= end || end > node.length) continue;
        const range = new StaticRange({ startContainer: node, startOffset: start, endContainer: node, endOffset: end });
        highlight.add(range);
        this.#painted.push([highlight, range]);
      }
    }
  }

  /** Removes what this painter painted. */
  clear(): void {
    for (const [highlight, range] of this.#painted) highlight.delete(range);
    this.#painted = [];
  }
}
