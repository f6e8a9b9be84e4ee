// How deep a reflection goes: Kember's four levels, six indicators with the places that show them, a question where
// one is weak.

import { computed, signal } from "@preact/signals";
import { Asking } from "../calling/asking";
import { writing } from "../calling/clients";
import { Amounts } from "../charts/bars";
import { Ladder } from "../charts/ladder";
import { Answer } from "../elements/answer";
import { Editor } from "../elements/editor";
import {
  type EvaluateReflectionResponse,
  type IndicatorScore,
  ReflectionIndicator,
  ReflectionLevel,
} from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { kept } from "../keeping";
import { address } from "../routing";
import type { Highlights } from "../text/highlighting";
import { Scalars, wellFormed } from "../text/scalars";
import { SAMPLE_REFLECTION } from "./samples";

const LEVELS = [
  { level: ReflectionLevel.HABITUAL, name: "Habitual", about: "tells what happened" },
  { level: ReflectionLevel.UNDERSTANDING, name: "Understanding", about: "explains it" },
  { level: ReflectionLevel.REFLECTION, name: "Reflection", about: "relates it to oneself and learns from it" },
  { level: ReflectionLevel.CRITICAL, name: "Critical", about: "a perspective has changed, with reasons" },
];

const INDICATORS: Partial<Record<ReflectionIndicator, string>> = {
  [ReflectionIndicator.EXPERIENCE]: "Experience",
  [ReflectionIndicator.FEELINGS]: "Feelings",
  [ReflectionIndicator.PERSONAL]: "Own beliefs",
  [ReflectionIndicator.CRITICAL_STANCE]: "Critical stance",
  [ReflectionIndicator.PERSPECTIVE]: "Another's view",
  [ReflectionIndicator.OUTCOME]: "Outcome",
};

/** An answer and the text it is about. */
interface Evaluated {
  readonly text: string;
  readonly response: EvaluateReflectionResponse;
}

export const evaluating = new Asking<Evaluated>();

/** Which indicator's places are shown in the text. */
const looked = signal<ReflectionIndicator | undefined>(undefined);

const evidence = computed<Highlights>(() => {
  const asked = evaluating.state.value;
  if (asked.state !== "answered" || asked.answer.text !== kept.reflection.value) return new Map();
  const scalars = new Scalars(asked.answer.text);
  const shown = asked.answer.response.indicators.filter(
    ({ indicator }) => looked.value === undefined || indicator === looked.value,
  );
  const stretches = shown.flatMap(({ evidence }) => evidence.map((span) => scalars.stretch(span)));
  return new Map([[looked.value === undefined ? "reflection" : "active", stretches]]);
});

function ask(): void {
  const text = kept.reflection.value;
  looked.value = undefined;
  void evaluating.ask(async (signal) => ({
    text,
    response: await writing.evaluateReflection({ text: wellFormed(text) }, { signal }),
  }));
}

export function Reflection() {
  const empty = kept.reflection.value.trim() === "";
  return (
    <div class="two-sided">
      <section class="side">
        <Editor
          id="reflection"
          label="Your reflection"
          large
          rows={8}
          text={kept.reflection}
          highlights={evidence}
          placeholder="What did you do, what did it do to you, and what do you see differently now?"
        />
        <div class="actions">
          <button type="button" class="button" disabled={empty} onClick={ask}>
            See how deep it goes
          </button>
          {empty && (
            <button
              type="button"
              class="button-quiet"
              onClick={() => {
                kept.reflection.value = SAMPLE_REFLECTION;
              }}
            >
              Try a sample
            </button>
          )}
          {empty && kept.essay.value.trim() !== "" && (
            <button
              type="button"
              class="button-quiet"
              onClick={() => {
                kept.reflection.value = kept.essay.value;
              }}
            >
              Use what is on the desk
            </button>
          )}
        </div>
      </section>
      <div class="side">
        <Answer
          asking={evaluating}
          what="the reflection's depth"
          onRetry={ask}
          empty="Four levels, six signs of reflection, and the places that show them. Not a grade: a mirror."
        >
          {({ response, text }) => <Depth response={response} stale={text !== kept.reflection.value} />}
        </Answer>
      </div>
    </div>
  );
}

function Depth({ response, stale }: { readonly response: EvaluateReflectionResponse; readonly stale: boolean }) {
  const { level, depth, confidence, rationale, indicators } = response;
  return (
    <div class="depth">
      {stale && (
        <p class="hint">
          You have written on since.{" "}
          <button type="button" class="button-quiet" onClick={ask}>
            Look again
          </button>
        </p>
      )}
      <Ladder
        label="Levels of reflection (Kember et al. 2008)"
        steps={LEVELS}
        reached={LEVELS.findIndex((step) => step.level === level)}
      />
      <p>{rationale}</p>
      <Amounts
        most={1}
        amounts={[
          { name: "Depth", value: depth, shown: `${Math.round(depth * 100)}%` },
          { name: "How sure", value: confidence, shown: `${Math.round(confidence * 100)}%`, faint: true },
        ]}
      />
      <h2>What shows it</h2>
      <ul class="indicators">
        {indicators.map((score) => (
          <Indicator key={score.indicator} score={score} stale={stale} />
        ))}
      </ul>
      <p class="hint">
        Levels after Kember et al. 2008, indicators after Ullmann 2019.{" "}
        <a href={address("task", "access")}>How much help does this open?</a>
      </p>
    </div>
  );
}

function Indicator({ score, stale }: { readonly score: IndicatorScore; readonly stale: boolean }) {
  const name = INDICATORS[score.indicator] ?? "Another sign";
  const pressed = looked.value === score.indicator;
  const places = score.evidence.length;
  return (
    <li class="indicator">
      <Amounts most={1} amounts={[{ name, value: score.score, shown: `${Math.round(score.score * 100)}%` }]} />
      {places > 0 && !stale && (
        <button
          type="button"
          class="button-quiet"
          aria-pressed={pressed}
          onClick={() => {
            looked.value = pressed ? undefined : score.indicator;
          }}
        >
          {pressed ? "Showing" : "Show"} {places} {places === 1 ? "place" : "places"}
          <span class="unseen"> of {name}</span>
        </button>
      )}
      {score.question && <p class="note-question">{score.question}</p>}
    </li>
  );
}
