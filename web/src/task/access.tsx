// How much AI help is open now, why, and what would open more. The decision is made by the service, which asks writing
// analysis for the depth of the reflection; the page shows the reasons as they come.

import { Asking } from "../calling/asking";
import { validator } from "../calling/clients";
import { Amounts } from "../charts/bars";
import { Ladder } from "../charts/ladder";
import { SAMPLE_REFLECTION } from "../desk/samples";
import { Answer } from "../elements/answer";
import { Editor } from "../elements/editor";
import { BloomLevel, type DecideAccessResponse } from "../generated/lyceum/ai_validator/v1/ai_validator_pb";
import { kept } from "../keeping";
import { wellFormed } from "../text/scalars";
import { CountField, StageField, TaskField } from "./fields";
import { ACCESS, bloomName } from "./levels";

export const deciding = new Asking<DecideAccessResponse>();

function ask(): void {
  const request = {
    reflection: wellFormed(kept.reflection.value),
    task: wellFormed(kept.task.value),
    stage: kept.stage.value,
    repliesSoFar: kept.replies.value,
    repliesFollowedByOwnWork: Math.min(kept.ownWork.value, kept.replies.value),
  };
  void deciding.ask((signal) => validator.decideAccess(request, { signal }));
}

export function Access() {
  const empty = kept.reflection.value.trim() === "";
  return (
    <div class="two-sided">
      <section class="side">
        <Editor
          id="access-reflection"
          label="Your reflection on the work so far"
          rows={6}
          text={kept.reflection}
          placeholder="What have you tried, what did you learn from it, and where are you stuck?"
        />
        {empty && (
          <button
            type="button"
            class="button-quiet"
            onClick={() => {
              kept.reflection.value = SAMPLE_REFLECTION;
            }}
          >
            Try a sample reflection
          </button>
        )}
        <TaskField label="The task, if you like" />
        <StageField />
        <div class="count-fields">
          <CountField id="replies" label="AI replies so far" count={kept.replies} />
          <CountField id="own-work" label="of them followed by your own work" count={kept.ownWork} />
        </div>
        <div class="actions">
          <button type="button" class="button" disabled={empty} onClick={ask}>
            How much help is open?
          </button>
        </div>
      </section>
      <div class="side">
        <Answer
          asking={deciding}
          what="the access decision"
          onRetry={ask}
          empty="Help widens with the depth of your own reflection. Every decision comes with its reasons."
        >
          {(decision) => <Decision decision={decision} />}
        </Answer>
      </div>
    </div>
  );
}

function Decision({ decision }: { readonly decision: DecideAccessResponse }) {
  const { level, reasons, nextSteps, reflectionDepth, reflectionConfidence, taskLevel, repliesUntilReflection } =
    decision;
  return (
    <div class="decision">
      <Ladder label="How much help" steps={ACCESS} reached={ACCESS.findIndex((step) => step.level === level)} />
      <h2>Why</h2>
      <ul class="why">
        {reasons.map(({ code, explanation, effect }, index) => (
          <li
            key={`${code}.${index}`}
            class={effect > 0 ? "why-wider" : effect < 0 ? "why-narrower" : ""}
            data-code={code}
          >
            <span class="why-effect">{effect > 0 ? "opens" : effect < 0 ? "narrows" : "noted"}</span> {explanation}
          </li>
        ))}
      </ul>
      {nextSteps.length > 0 && (
        <>
          <h2>What would open more</h2>
          <ul class="next-steps">
            {nextSteps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ul>
        </>
      )}
      <Amounts
        most={1}
        amounts={[
          { name: "Reflection depth", value: reflectionDepth, shown: percent(reflectionDepth) },
          { name: "How sure", value: reflectionConfidence, shown: percent(reflectionConfidence), faint: true },
        ]}
      />
      <p class="card-foot">
        {taskLevel !== BloomLevel.UNSPECIFIED && `The task asks to ${bloomName(taskLevel).toLowerCase()}. `}
        {repliesUntilReflection > 0 &&
          `${repliesUntilReflection} ${repliesUntilReflection === 1 ? "reply" : "replies"} until you reflect again.`}
      </p>
    </div>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
