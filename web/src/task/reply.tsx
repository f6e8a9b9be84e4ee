// Whether an AI's reply keeps its bounds: each breach at its place, with the rule and why.

import { computed, useSignal } from "@preact/signals";
import { Asking } from "../calling/asking";
import { validator } from "../calling/clients";
import { Amounts } from "../charts/bars";
import { SAMPLE_REPLY } from "../desk/samples";
import { Answer } from "../elements/answer";
import { Editor } from "../elements/editor";
import {
  type AssistanceBreach,
  Severity,
  type ValidateAssistanceResponse,
} from "../generated/lyceum/ai_validator/v1/ai_validator_pb";
import { kept } from "../keeping";
import type { Highlights } from "../text/highlighting";
import { Scalars, wellFormed } from "../text/scalars";
import { StageField, TaskField } from "./fields";
import { RULES } from "./levels";

interface Validated {
  readonly reply: string;
  readonly response: ValidateAssistanceResponse;
}

export const validating = new Asking<Validated>();

const breaches = computed<Highlights>(() => {
  const asked = validating.state.value;
  if (asked.state !== "answered" || asked.answer.reply !== kept.reply.value) return new Map();
  const scalars = new Scalars(asked.answer.reply);
  const places = (severity: Severity) =>
    asked.answer.response.breaches
      .filter((breach) => breach.severity === severity)
      .map(({ span }) => scalars.stretch(span));
  return new Map([
    ["breach", places(Severity.BREACH)],
    ["advice", places(Severity.ADVICE)],
  ]);
});

function ask(withDraft: boolean): void {
  const reply = kept.reply.value;
  const request = {
    reply: wellFormed(reply),
    assignment: wellFormed(kept.task.value),
    studentText: withDraft ? wellFormed(kept.essay.value) : "",
    stage: kept.stage.value,
  };
  void validating.ask(async (signal) => ({ reply, response: await validator.validateAssistance(request, { signal }) }));
}

export function Reply() {
  const withDraft = useSignal(true);
  const ready = kept.reply.value.trim() !== "" && kept.task.value.trim() !== "";
  const go = () => ask(withDraft.value);
  return (
    <div class="two-sided">
      <section class="side">
        <TaskField label="The assignment" />
        <Editor
          id="reply"
          label="What the AI replied"
          rows={6}
          text={kept.reply}
          highlights={breaches}
          placeholder="Paste the reply that you or a tool received"
        />
        {kept.reply.value.trim() === "" && (
          <button
            type="button"
            class="button-quiet"
            onClick={() => {
              kept.reply.value = SAMPLE_REPLY;
            }}
          >
            Try a sample reply
          </button>
        )}
        <StageField />
        <label class="tick">
          <input
            type="checkbox"
            checked={withDraft.value}
            onChange={(event) => {
              withDraft.value = event.currentTarget.checked;
            }}
          />
          Compare with what is on my desk
        </label>
        <div class="actions">
          <button type="button" class="button" disabled={!ready} onClick={go}>
            Does it keep its bounds?
          </button>
        </div>
      </section>
      <div class="side">
        <Answer
          asking={validating}
          what="the check of the reply"
          onRetry={go}
          empty="A good reply asks before it tells, does no part of the work, and speaks of the work rather than of you."
        >
          {(validated) => <Verdict {...validated} />}
        </Answer>
      </div>
    </div>
  );
}

function Verdict({ reply, response }: Validated) {
  const scalars = new Scalars(reply);
  return (
    <div class="verdict">
      <p class={response.withinBounds ? "verdict-line verdict-kept" : "verdict-line verdict-broken"}>
        {response.withinBounds ? "It keeps its bounds." : "It should not be shown as it is."}
      </p>
      <Amounts
        most={1}
        amounts={[
          { name: "Sentences that ask", value: response.askingShare, shown: percent(response.askingShare) },
          { name: "Could be handed in", value: response.submittableShare, shown: percent(response.submittableShare) },
        ]}
      />
      <ol class="parts">
        {response.breaches.map((breach, index) => (
          <Breach key={`${breach.rule}.${index}`} breach={breach} reply={reply} scalars={scalars} />
        ))}
      </ol>
    </div>
  );
}

function Breach(props: { readonly breach: AssistanceBreach; readonly reply: string; readonly scalars: Scalars }) {
  const { rule, severity, span, explanation, confidence } = props.breach;
  const { start, end } = props.scalars.stretch(span);
  const grave = severity === Severity.BREACH;
  return (
    <li class={grave ? "part-card part-breach" : "part-card"}>
      <p class="part-level">
        {RULES[rule] ?? "Another bound"}{" "}
        <span class="faint">
          {grave ? "breach" : "advice"} · {percent(confidence)} sure
        </span>
      </p>
      {end > start && (
        <blockquote>
          <mark class={grave ? "mark-breach" : "mark-advice"}>{props.reply.slice(start, end).trim()}</mark>
        </blockquote>
      )}
      <p>{explanation}</p>
    </li>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
