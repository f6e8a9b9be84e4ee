// The desk itself: the text has the room, the margin speaks of the finding nearest to the cursor, measures stand below.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Editor, type EditorHandle } from "../elements/editor";
import { Trouble } from "../elements/trouble";
import { kept } from "../keeping";
import { address } from "../routing";
import { active, counts, cursor, feedback, highlights, KINDS, neighbour, shown } from "./draft";
import { Findings } from "./findings";
import { MeasuresPanel } from "./measures";
import { Note } from "./note";
import { SAMPLE_ESSAY, SAMPLE_REPORT } from "./samples";

/** What a screen reader hears when the reader jumps to a finding. */
const announced = signal("");

export function Writing() {
  const handle = useRef<EditorHandle | undefined>(undefined);
  const go = (position: number) => handle.current?.go(position);
  const step = (direction: 1 | -1) => {
    const mark = neighbour(direction);
    if (!mark) return;
    go(mark.start);
    announced.value = `${mark.finding.title}. ${mark.finding.explanation} ${mark.finding.question}`;
  };
  return (
    <div class="writing">
      <div class="writing-bar">
        <Legend />
        <Sample />
      </div>
      <div class="writing-desk">
        <div class="writing-column">
          <Editor
            id="essay"
            label="Your essay"
            labelHidden
            large
            rows={12}
            text={kept.essay}
            highlights={highlights}
            handle={handle}
            placeholder="Write here, or paste what you have. Feedback comes while you type, and only ever asks."
            describedBy="essay-help"
            onCursor={(position) => {
              cursor.value = position;
            }}
            onKeyDown={(event) => {
              if (event.key !== "F8" || event.altKey || event.ctrlKey || event.metaKey) return;
              event.preventDefault();
              step(event.shiftKey ? -1 : 1);
            }}
          />
          <p id="essay-help" class="hint">
            <kbd>F8</kbd> next finding, <kbd>Shift</kbd> <kbd>F8</kbd> the one before.
          </p>
          <Standing />
        </div>
        <Margin handle={handle} onStep={step} />
      </div>
      <p class="unseen" role="status">
        {announced}
      </p>
      <Findings onGo={go} />
      <MeasuresPanel onGo={go} />
    </div>
  );
}

function Legend() {
  const names = { clarity: "Clarity", structure: "Structure", reflection: "Reflection" };
  return (
    <fieldset class="legend">
      <legend class="unseen">Kinds of finding shown</legend>
      {KINDS.map((kind) => (
        <label key={kind} class={`legend-kind legend-${kind}`}>
          <input
            type="checkbox"
            checked={shown.value.has(kind)}
            onChange={() => {
              const next = new Set(shown.value);
              if (!next.delete(kind)) next.add(kind);
              shown.value = next;
            }}
          />
          <span class="legend-line" aria-hidden="true" />
          {names[kind]} <span class="count">{counts.value[kind]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Sample() {
  const empty = kept.essay.value.trim() === "";
  return (
    <div class="writing-actions">
      {empty && (
        <>
          <button
            type="button"
            class="button"
            onClick={() => {
              kept.essay.value = SAMPLE_ESSAY;
            }}
          >
            Try a sample essay
          </button>
          <button
            type="button"
            class="button-quiet"
            onClick={() => {
              kept.essay.value = SAMPLE_REPORT;
            }}
          >
            or a report
          </button>
        </>
      )}
      {!empty && (
        <a
          class="button-quiet"
          href={address("desk", "drafts")}
          onClick={() => {
            kept.earlier.value = kept.essay.value;
          }}
        >
          Keep as a draft to compare
        </a>
      )}
    </div>
  );
}

/** One line under the text: what the feedback is doing. Counts are told politely, once they stand. */
function Standing() {
  const standing = feedback.standing.value;
  const total = KINDS.reduce((sum, kind) => sum + counts.value[kind], 0);
  const [told, setTold] = useState("");
  const settled = standing.state === "settled";
  useEffect(() => {
    if (!settled) return;
    // Typing settles often; a listener wants to hear the count when it has changed, not each time.
    const timer = setTimeout(() => {
      const parts = KINDS.map((kind) => `${counts.value[kind]} on ${kind}`).join(", ");
      setTold(total === 0 ? "No findings." : `${total} ${total === 1 ? "finding" : "findings"}: ${parts}.`);
    }, 600);
    return () => clearTimeout(timer);
  }, [settled, total]);
  return (
    <div class="standing" data-state={standing.state}>
      {standing.state === "reading" && (
        <p class="standing-line">
          <span class="pulse" aria-hidden="true" />
          {standing.slow ? "Still reading; this takes longer than usual. Write on." : "Reading…"}
        </p>
      )}
      {settled && (
        <p class="standing-line">
          <span class="still" aria-hidden="true" />
          {total === 0 ? "Read to the end: nothing to ask about." : `Read to the end: ${total} to think about.`}
        </p>
      )}
      {standing.state === "failed" && (
        <Trouble failure={standing.failure} what="live feedback" nextAt={standing.nextAt} />
      )}
      <p class="unseen" role="status" aria-live="polite">
        {standing.state === "empty" ? "" : told}
      </p>
    </div>
  );
}

/** The margin keeps beside the line it speaks of, where there is room for a margin. */
function Margin(props: {
  readonly handle: { current: EditorHandle | undefined };
  readonly onStep: (by: 1 | -1) => void;
}) {
  const mark = active.value;
  const aside = useRef<HTMLElement>(null);
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = () => {
      if (!note.current || !aside.current) return;
      const line = mark ? (props.handle.current?.lineAt(mark.start) ?? 0) : 0;
      const room = Math.max(0, aside.current.clientHeight - note.current.offsetHeight);
      note.current.style.setProperty("--at", `${Math.max(0, Math.min(line - 8, room))}px`);
    };
    place();
    addEventListener("resize", place);
    return () => removeEventListener("resize", place);
  });
  return (
    <aside class="margin" aria-label="The finding nearest to the cursor" ref={aside}>
      <div class="margin-note" ref={note}>
        <Note mark={mark} onStep={props.onStep} />
      </div>
    </aside>
  );
}
