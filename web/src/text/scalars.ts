// Positions in a text: the contracts count Unicode scalar values, JavaScript counts UTF-16 units. They differ after
// every character outside the Basic Multilingual Plane (emoji, some scripts), which takes two units.
//
// Why an index: one pass over the text finds the wide characters; each translation is then a binary search among
// them, so a text without any costs nothing.

/** A stretch of text, half open; its unit is told by where it came from. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Translates positions of one text between scalar values and UTF-16 units. */
export class Scalars {
  /** For each wide character, its position in scalar values, ascending. */
  readonly #wide: number[] = [];
  readonly #units: number;

  constructor(text: string) {
    this.#units = text.length;
    for (let unit = 0; unit < text.length - 1; unit++) {
      if (isHigh(text.charCodeAt(unit)) && isLow(text.charCodeAt(unit + 1))) {
        this.#wide.push(unit - this.#wide.length);
        unit++;
      }
    }
  }

  /** How many scalar values the text has. */
  get count(): number {
    return this.#units - this.#wide.length;
  }

  /** The UTF-16 position of a scalar position; past the end means the end. */
  toUnits(scalar: number): number {
    if (scalar <= 0) return 0;
    return Math.min(scalar + firstAtOrAfter(this.#wide, (wide) => wide >= scalar), this.#units);
  }

  /** The scalar position of a UTF-16 position; inside a pair means its character. */
  toScalars(unit: number): number {
    const at = Math.max(0, Math.min(unit, this.#units));
    // The wide character number n begins at unit wide[n] + n and is passed when its second unit is.
    let low = 0;
    let high = this.#wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const begins = (this.#wide[middle] ?? 0) + middle;
      if (begins + 1 < at) low = middle + 1;
      else high = middle;
    }
    return Math.min(at - low, this.#inside(at, low));
  }

  /** A span of scalar values as a stretch of UTF-16 units. */
  stretch(span: Stretch | undefined): Stretch {
    if (!span) return { start: 0, end: 0 };
    const start = this.toUnits(span.start);
    return { start, end: Math.max(start, this.toUnits(span.end)) };
  }

  /** In the middle of a pair the position is that of the pair. */
  #inside(unit: number, passed: number): number {
    const next = this.#wide[passed];
    return next !== undefined && next + passed + 1 === unit ? next : Number.POSITIVE_INFINITY;
  }
}

/** The text as a message can carry it: half a pair, which no UTF-8 can hold, becomes U+FFFD. Keeps every position. */
export function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function firstAtOrAfter(sorted: number[], reached: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(sorted[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
