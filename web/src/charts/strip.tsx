// A text from start to end as one strip, with the parts of its argument where they stand.

import type { PlacedElement } from "../desk/feedback";
import { DiscourseElement } from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";

/** The parts in the order an argument usually has them. */
export const PARTS: readonly (readonly [DiscourseElement, string])[] = [
  [DiscourseElement.LEAD, "Lead"],
  [DiscourseElement.POSITION, "Position"],
  [DiscourseElement.CLAIM, "Claim"],
  [DiscourseElement.EVIDENCE, "Evidence"],
  [DiscourseElement.COUNTERCLAIM, "Counter-claim"],
  [DiscourseElement.REBUTTAL, "Rebuttal"],
  [DiscourseElement.CONCLUSION, "Conclusion"],
];

interface Props {
  readonly elements: readonly PlacedElement[];
  readonly length: number;
  readonly label: string;
  readonly onGo: (position: number) => void;
}

export function Strip({ elements, length, label, onGo }: Props) {
  const rows = PARTS.map(([part, name], row) => ({
    name,
    row,
    here: elements.filter(({ element }) => element.element === part),
  }));
  return (
    <div class="strip">
      {rows.map(({ name, row, here }) => (
        <div key={name} class={here.length > 0 ? "strip-row" : "strip-row strip-none"}>
          <span class="strip-name">{name}</span>
          <svg
            class="chart strip-line"
            viewBox="0 0 100 10"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${name}: ${here.length === 0 ? "not recognised" : `${here.length} in the text`}; ${label}`}
          >
            <rect class="bar-ground" y="4" width="100" height="2" />
            {here.map(({ start, end, element }) => (
              <rect
                key={`${start}.${end}`}
                class={`part part-${row}`}
                x={(start / length) * 100}
                width={Math.max(((end - start) / length) * 100, 0.8)}
                y="1"
                height="8"
                rx="0.6"
              >
                <title>{`${name}, ${Math.round(element.confidence * 100)}% sure`}</title>
              </rect>
            ))}
          </svg>
          {here[0] ? (
            <button type="button" class="button-quiet strip-go" onClick={() => onGo(here[0]?.start ?? 0)}>
              Go<span class="unseen"> to the {name.toLowerCase()}</span>
            </button>
          ) : (
            <span class="strip-go strip-missing">not seen</span>
          )}
        </div>
      ))}
    </div>
  );
}
