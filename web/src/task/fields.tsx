// Entries that several corners of the task share: the task itself, the stage, small counts.

import type { Signal } from "@preact/signals";
import { SAMPLE_TASK } from "../desk/samples";
import { Editor } from "../elements/editor";
import { kept } from "../keeping";
import type { Highlights } from "../text/highlighting";
import { STAGES } from "./levels";

export function TaskField({ label, highlights }: { readonly label: string; readonly highlights?: Signal<Highlights> }) {
  return (
    <div>
      <Editor
        id="task-text"
        label={label}
        text={kept.task}
        placeholder="The question or assignment, as it was given"
        {...(highlights ? { highlights } : {})}
      />
      {kept.task.value.trim() === "" && (
        <button
          type="button"
          class="button-quiet"
          onClick={() => {
            kept.task.value = SAMPLE_TASK;
          }}
        >
          Try a sample task
        </button>
      )}
    </div>
  );
}

export function StageField() {
  return (
    <fieldset class="choice">
      <legend>Where are you in the work?</legend>
      <div class="choice-options">
        {STAGES.map(({ stage, name }) => (
          <label key={stage} class="choice-option">
            <input
              type="radio"
              name="stage"
              value={stage}
              checked={kept.stage.value === stage}
              onChange={() => {
                kept.stage.value = stage;
              }}
            />
            <span>{name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface CountProps {
  readonly id: string;
  readonly label: string;
  readonly count: Signal<number>;
}

export function CountField({ id, label, count }: CountProps) {
  return (
    <div class="count-field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode="numeric"
        min="0"
        max="10000"
        value={count.value}
        onInput={(event) => {
          const value = Math.trunc(event.currentTarget.valueAsNumber);
          if (Number.isFinite(value)) count.value = Math.max(0, Math.min(value, 10_000));
        }}
      />
    </div>
  );
}
