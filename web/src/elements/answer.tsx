// The place of an answer: empty, waiting (a skeleton of what comes), slow, failed, or there. One shape for every form.

import type { ComponentChildren } from "preact";
import type { Asking } from "../calling/asking";
import { Trouble } from "./trouble";

interface Props<T> {
  readonly asking: Asking<T>;
  readonly what: string;
  /** Said before the first question. */
  readonly empty: ComponentChildren;
  readonly onRetry: () => void;
  readonly children: (answer: T) => ComponentChildren;
}

export function Answer<T>({ asking, what, empty, onRetry, children }: Props<T>) {
  const asked = asking.state.value;
  return (
    <section class="answer" aria-live="polite" aria-busy={asked.state === "waiting"} aria-label={`Answer: ${what}`}>
      {asked.state === "idle" && <p class="empty">{empty}</p>}
      {asked.state === "waiting" && <Skeleton slow={asked.slow} />}
      {asked.state === "failed" && (
        <Trouble failure={asked.failure} what={what} nextAt={asked.nextAt} onRetry={onRetry} />
      )}
      {asked.state === "answered" && children(asked.answer)}
    </section>
  );
}

/** Grey lines where an answer will stand. */
export function Skeleton({ slow, lines = 3 }: { readonly slow: boolean; readonly lines?: number }) {
  return (
    <div class="skeleton">
      <p class={slow ? "skeleton-slow" : "unseen"}>
        {slow ? "Still at work; this takes longer than usual." : "Working"}
      </p>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="skeleton-line" aria-hidden="true" />
      ))}
    </div>
  );
}
