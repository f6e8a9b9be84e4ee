// One finding in the margin: its name, one sentence why, one question. It asks; it never tells what to write.

import { feedback, kindOf, marks } from "./draft";
import type { Mark } from "./placing";

interface Props {
  readonly mark: Mark | undefined;
  readonly onStep: (by: 1 | -1) => void;
}

export function Note({ mark, onStep }: Props) {
  if (!mark) {
    const state = feedback.standing.value.state;
    if (state === "reading") return <NoteSkeleton />;
    return (
      <p class="empty">
        {state === "empty"
          ? "Questions about your text will stand here, beside the line they belong to."
          : "Nothing to ask about here."}
      </p>
    );
  }
  const placed = marks.value.filter(({ start, end }) => end > start);
  const position = placed.findIndex(({ id }) => id === mark.id) + 1;
  const { finding } = mark;
  return (
    <article class={`note note-${kindOf(mark)}`}>
      <header class="note-head">
        <h2 class="note-title">{finding.title}</h2>
        <span class="note-steps">
          <button type="button" class="button-icon" aria-label="Finding before" onClick={() => onStep(-1)}>
            <Arrow turned />
          </button>
          <span>
            {position} of {placed.length}
          </span>
          <button type="button" class="button-icon" aria-label="Next finding" onClick={() => onStep(1)}>
            <Arrow />
          </button>
        </span>
      </header>
      <p class="note-why">{finding.explanation}</p>
      <p class="note-question">{finding.question}</p>
      <p class="note-source">
        {finding.source}
        {finding.confidence > 0 && ` · right ${Math.round(finding.confidence * 100)} times in 100`}
      </p>
    </article>
  );
}

function NoteSkeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      <span class="skeleton-line" />
      <span class="skeleton-line" />
      <span class="skeleton-line" />
    </div>
  );
}

function Arrow({ turned = false }: { readonly turned?: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path
        d={turned ? "M3 10.500 8 5.500l5 5" : "M3 5.500l5 5 5-5"}
        fill="none"
        stroke="currentColor"
        stroke-width="1.600"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
