// The answer of a comparison: both drafts with every sentence marked by what became of it; a sentence that moved or was
// revised lights up in both at once, and a line leads from one to the other where there is room for it.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  ChangeKind,
  type CompareDraftsResponse,
  type MeasureGrowth,
} from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { address } from "../routing";
import { Scalars, type Stretch } from "../text/scalars";

interface Props {
  readonly earlier: string;
  readonly later: string;
  readonly response: CompareDraftsResponse;
}

const KINDS: Partial<Record<ChangeKind, { readonly name: string; readonly kind: string }>> = {
  [ChangeKind.KEPT]: { name: "kept", kind: "kept" },
  [ChangeKind.MOVED]: { name: "moved", kind: "moved" },
  [ChangeKind.REVISED]: { name: "revised", kind: "revised" },
  [ChangeKind.ADDED]: { name: "added", kind: "added" },
  [ChangeKind.REMOVED]: { name: "removed", kind: "removed" },
};

/** One sentence of one draft. */
interface Sentence extends Stretch {
  readonly index: number;
  readonly kind: string;
  readonly name: string;
  readonly linked: boolean;
}

export function Comparison({ earlier, later, response }: Props) {
  const looked = useSignal<number | undefined>(undefined);
  const [before, after] = useMemo(() => sides(earlier, later, response), [earlier, later, response]);
  const counts = new Map<string, number>();
  for (const { kind } of response.changes) {
    const name = KINDS[kind]?.name ?? "changed";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const summary = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  return (
    <div class="comparison">
      <p>
        Sentences: {summary}. {Math.round(response.revisedShare * 100)}% of the later draft is new or revised.
      </p>
      <ul class="keys" aria-label="Key">
        {Object.values(KINDS).map((entry) => (
          <li key={entry.kind} class={`change change-${entry.kind}`}>
            {entry.name}
          </li>
        ))}
      </ul>
      <div class="comparison-sides">
        <Side title="Earlier" side="earlier" text={earlier} sentences={before} looked={looked} />
        <Links changes={response} looked={looked.value} />
        <Side title="Later" side="later" text={later} sentences={after} looked={looked} />
      </div>
      <Growth growth={response.growth} />
    </div>
  );
}

function sides(earlier: string, later: string, response: CompareDraftsResponse): [Sentence[], Sentence[]] {
  const [inEarlier, inLater] = [new Scalars(earlier), new Scalars(later)];
  const before: Sentence[] = [];
  const after: Sentence[] = [];
  for (const [index, change] of response.changes.entries()) {
    const { kind, name } = KINDS[change.kind] ?? { kind: "revised", name: "changed" };
    const linked = change.kind === ChangeKind.MOVED || change.kind === ChangeKind.REVISED;
    if (change.earlier) before.push({ ...inEarlier.stretch(change.earlier), index, kind, name, linked });
    if (change.later) after.push({ ...inLater.stretch(change.later), index, kind, name, linked });
  }
  before.sort((a, b) => a.start - b.start);
  after.sort((a, b) => a.start - b.start);
  return [before, after];
}

interface SideProps {
  readonly title: string;
  readonly side: "earlier" | "later";
  readonly text: string;
  readonly sentences: readonly Sentence[];
  readonly looked: { value: number | undefined };
}

function Side({ title, side, text, sentences, looked }: SideProps) {
  const other = side === "earlier" ? "later" : "earlier";
  let from = 0;
  return (
    <section class="comparison-side" aria-label={`${title} draft, sentence by sentence`}>
      <h2>{title}</h2>
      <p class="comparison-text">
        {sentences.map((sentence) => {
          const gap = text.slice(from, sentence.start);
          from = sentence.end;
          const words = text.slice(sentence.start, sentence.end);
          const id = `${side}-${sentence.index}`;
          const classes = `change change-${sentence.kind}${looked.value === sentence.index ? " change-looked" : ""}`;
          return (
            <>
              {gap}
              {sentence.linked ? (
                <a
                  href={address("desk", "drafts")}
                  id={id}
                  class={classes}
                  title={`${sentence.name}: to the ${other} draft`}
                  onPointerEnter={() => {
                    looked.value = sentence.index;
                  }}
                  onFocus={() => {
                    looked.value = sentence.index;
                  }}
                  onClick={(event) => {
                    event.preventDefault();
                    const there = document.getElementById(`${other}-${sentence.index}`);
                    there?.focus();
                    there?.scrollIntoView({ block: "nearest" });
                  }}
                >
                  {words}
                  <span class="unseen"> ({sentence.name})</span>
                </a>
              ) : (
                <span id={id} class={classes}>
                  {words}
                  {sentence.kind !== "kept" && <span class="unseen"> ({sentence.name})</span>}
                </span>
              )}
            </>
          );
        })}
        {text.slice(from)}
      </p>
    </section>
  );
}

/** Lines between the two places of a moved sentence. */
function Links({ changes, looked }: { readonly changes: CompareDraftsResponse; readonly looked: number | undefined }) {
  const ground = useRef<SVGSVGElement>(null);
  const [lines, setLines] = useState<readonly { index: number; from: number; to: number }[]>([]);
  useLayoutEffect(() => {
    const measure = () => {
      const box = ground.current?.getBoundingClientRect();
      if (!box || box.width === 0) return setLines([]);
      const middle = (id: string) => {
        const place = document.getElementById(id)?.getClientRects()[0];
        return place ? (place.top + place.bottom) / 2 - box.top : undefined;
      };
      setLines(
        changes.changes.flatMap(({ kind }, index) => {
          if (kind !== ChangeKind.MOVED) return [];
          const from = middle(`earlier-${index}`);
          const to = middle(`later-${index}`);
          return from === undefined || to === undefined ? [] : [{ index, from, to }];
        }),
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (ground.current) observer.observe(ground.current);
    return () => observer.disconnect();
  }, [changes]);
  return (
    <svg class="comparison-links" ref={ground} aria-hidden="true">
      {lines.map(({ index, from, to }) => (
        <path
          key={index}
          class={looked === index ? "link link-looked" : "link"}
          d={`M0 ${from}C24 ${from} 24 ${to} 48 ${to}`}
        />
      ))}
    </svg>
  );
}

function Growth({ growth }: { readonly growth: readonly MeasureGrowth[] }) {
  if (growth.length === 0) return null;
  // Both of a row alike: counts as counts, everything else to two places.
  const figures = (earlier: number, later: number) =>
    [earlier, later].map((value) =>
      Number.isInteger(earlier) && Number.isInteger(later) ? value.toLocaleString("en") : value.toFixed(2),
    );
  return (
    <table class="growth">
      <caption>How the measures grew</caption>
      <thead>
        <tr>
          <th scope="col">Measure</th>
          <th scope="col" class="number">
            Earlier
          </th>
          <th scope="col" class="number">
            Later
          </th>
          <th scope="col">What it says</th>
        </tr>
      </thead>
      <tbody>
        {growth.map(({ name, earlier, later, meaning }) => {
          const [before, after] = figures(earlier, later);
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number" data-label="Earlier">
                {before}
              </td>
              <td class="number" data-label="Later">
                {after}
              </td>
              <td data-label="What it says">{meaning}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
