// Points on one line: several measures of the same thing side by side, with the words that belong to the line's ends.

/** One point. */
export interface Point {
  readonly name: string;
  readonly value: number;
  readonly hollow: boolean;
}

interface Props {
  readonly label: string;
  readonly points: readonly Point[];
  readonly from: number;
  readonly to: number;
  readonly ends: readonly [string, string];
}

export function Scale({ label, points, from, to, ends }: Props) {
  const at = (value: number) => Math.max(2, Math.min(98, ((value - from) / (to - from)) * 96 + 2));
  return (
    <div class="scale">
      <svg class="chart scale-line" role="img" aria-label={label} viewBox="0 0 100 10" preserveAspectRatio="none">
        <line class="axis" x1="0" x2="100" y1="5" y2="5" vector-effect="non-scaling-stroke" />
        {points.map(({ name, value, hollow }) => (
          <line
            key={name}
            class={hollow ? "point point-hollow" : "point"}
            x1={at(value)}
            x2={at(value)}
            y1="5"
            y2="5.001"
            vector-effect="non-scaling-stroke"
          >
            <title>{`${name}: ${value.toFixed(1)}${hollow ? " (outside what the formula was made for)" : ""}`}</title>
          </line>
        ))}
      </svg>
      <div class="scale-ends" aria-hidden="true">
        <span>{ends[0]}</span>
        <span>{ends[1]}</span>
      </div>
    </div>
  );
}
