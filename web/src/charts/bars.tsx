// Bars: one for each value in order (a rhythm), or one for each name (amounts). Shapes are SVG, words are HTML, so that
// words keep their size at every width.

interface RhythmProps {
  readonly label: string;
  readonly values: readonly number[];
  /** What one bar says on hover. */
  readonly title: (value: number, index: number) => string;
}

/** More bars than this would be thinner than a pixel at phone width; neighbours are then drawn as their highest. */
const MOST_BARS = 160;

export function Rhythm({ label, values, title }: RhythmProps) {
  const group = Math.ceil(values.length / MOST_BARS);
  const bars = Array.from({ length: Math.ceil(values.length / group) }, (_, index) =>
    Math.max(...values.slice(index * group, (index + 1) * group)),
  );
  const highest = Math.max(...bars, 1);
  const step = 100 / Math.max(bars.length, 12);
  return (
    <svg class="chart rhythm" role="img" aria-label={label} viewBox="0 0 100 40" preserveAspectRatio="none">
      {bars.map((value, index) => {
        const height = Math.max((value / highest) * 38, 0.6);
        return (
          <rect
            key={`${index}.${bars.length}`}
            class="bar"
            x={index * step + step * 0.1}
            y={40 - height}
            width={step * 0.8}
            height={height}
          >
            <title>{title(value, index * group)}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** One named amount. */
export interface Amount {
  readonly name: string;
  readonly value: number;
  readonly shown: string;
  readonly title?: string;
  readonly faint?: boolean;
}

/** Named amounts against a common end of the scale. */
export function Amounts({ amounts, most }: { readonly amounts: readonly Amount[]; readonly most: number }) {
  return (
    <dl class="amounts">
      {amounts.map(({ name, value, shown, title, faint }) => (
        <div key={name} class={faint ? "amount amount-faint" : "amount"} title={title}>
          <dt>{name}</dt>
          <dd>
            <svg class="amount-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
              <rect class="bar-ground" width="100" height="6" rx="1" />
              <rect class="bar" width={Math.max(0, Math.min(100, (value / most) * 100))} height="6" rx="1" />
            </svg>
            <span class="amount-value">{shown}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
