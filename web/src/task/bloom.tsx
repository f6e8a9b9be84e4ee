// What level of thinking a task asks for, part by part, with the verb and the object that decided.

import { Asking } from "../calling/asking";
import { validator } from "../calling/clients";
import { Ladder } from "../charts/ladder";
import { Answer } from "../elements/answer";
import { Marked, type MarkedStretch } from "../elements/marked";
import {
  BloomLevel,
  type BloomPart,
  type ClassifyBloomResponse,
} from "../generated/lyceum/ai_validator/v1/ai_validator_pb";
import { kept } from "../keeping";
import { Scalars, wellFormed } from "../text/scalars";
import { TaskField } from "./fields";
import { BLOOM, bloomName } from "./levels";

interface Classified {
  readonly task: string;
  readonly response: ClassifyBloomResponse;
}

export const classifying = new Asking<Classified>();

function ask(): void {
  const task = kept.task.value;
  void classifying.ask(async (signal) => ({
    task,
    response: await validator.classifyBloom({ task: wellFormed(task) }, { signal }),
  }));
}

export function Bloom() {
  return (
    <div class="two-sided">
      <section class="side">
        <TaskField label="The task" />
        <div class="actions">
          <button type="button" class="button" disabled={kept.task.value.trim() === ""} onClick={ask}>
            What does it ask for?
          </button>
        </div>
      </section>
      <div class="side">
        <Answer
          asking={classifying}
          what="the level of thinking"
          onRetry={ask}
          empty="Six levels, from remembering to creating. A task of several parts has several."
        >
          {(classified) => <Levels {...classified} />}
        </Answer>
      </div>
    </div>
  );
}

function Levels({ task, response }: Classified) {
  const scalars = new Scalars(task);
  return (
    <div class="bloom">
      <Ladder
        label="Bloom's revised taxonomy (Anderson & Krathwohl 2001)"
        steps={BLOOM}
        reached={BLOOM.findIndex(({ level }) => level === response.level)}
      />
      {response.level === BloomLevel.UNSPECIFIED ? (
        <p>No level could be told: nothing in it asks for anything yet. Which verb says what to do?</p>
      ) : (
        <p>
          It asks to <strong>{bloomName(response.level).toLowerCase()}</strong>, {percent(response.confidence)} sure.
        </p>
      )}
      <ol class="parts">
        {response.parts.map((part) => (
          <Part key={`${part.span?.start}`} part={part} task={task} scalars={scalars} />
        ))}
      </ol>
    </div>
  );
}

function Part({ part, task, scalars }: { readonly part: BloomPart; readonly task: string; readonly scalars: Scalars }) {
  const place = scalars.stretch(part.span);
  const within = (kind: string, span: { start: number; end: number } | undefined): MarkedStretch[] => {
    if (!span) return [];
    const { start, end } = scalars.stretch(span);
    return [{ kind, start: Math.max(0, start - place.start), end: end - place.start, title: kind }];
  };
  const marks = part.evidence.flatMap(({ verb, object }) => [...within("verb", verb), ...within("object", object)]);
  return (
    <li class="part-card">
      <p class="part-level">
        {bloomName(part.level)} <span class="faint">{percent(part.confidence)} sure</span>
        {part.runnerUp !== BloomLevel.UNSPECIFIED && <span class="faint"> · or {bloomName(part.runnerUp)}</span>}
      </p>
      <Marked text={task.slice(place.start, place.end).trimEnd()} marks={marks} />
      <ul class="reasons">
        {part.evidence.map(({ level, reason }, index) => (
          <li key={`${level}.${index}`}>{reason}</li>
        ))}
      </ul>
    </li>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
