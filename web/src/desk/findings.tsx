// Every finding as a list: for those who would rather read than look, and for what has no place in the text because it
// is missing.

import { kept } from "../keeping";
import { feedback, KINDS, kindOf, marks } from "./draft";
import type { Mark } from "./placing";

const NAMES = { clarity: "Clarity", structure: "Structure", reflection: "Reflection" };

/** At most this many of one kind at once; the rest opens on request of the browser's own find. */
const SHOWN = 60;

export function Findings({ onGo }: { readonly onGo: (position: number) => void }) {
  const all = marks.value;
  if (feedback.standing.value.state === "empty" || all.length === 0) return null;
  return (
    <details class="findings">
      <summary>
        All findings <span class="count">{all.length}</span>
      </summary>
      <div class="findings-kinds">
        {KINDS.map((kind) => {
          const some = all.filter((mark) => kindOf(mark) === kind);
          if (some.length === 0) return null;
          return (
            <section key={kind} class={`findings-kind findings-${kind}`}>
              <h2>
                {NAMES[kind]} <span class="count">{some.length}</span>
              </h2>
              <ul>
                {some.slice(0, SHOWN).map((mark) => (
                  <Row key={mark.id} mark={mark} onGo={onGo} />
                ))}
              </ul>
              {some.length > SHOWN && <p class="hint">and {some.length - SHOWN} more further down the text</p>}
            </section>
          );
        })}
      </div>
    </details>
  );
}

function Row({ mark, onGo }: { readonly mark: Mark; readonly onGo: (position: number) => void }) {
  const words = kept.essay.value.slice(mark.start, mark.end).replace(/\s+/g, " ").trim();
  const quoted = words.length > 60 ? `${words.slice(0, 57)}…` : words;
  return (
    <li>
      {mark.end > mark.start ? (
        <button type="button" class="finding" onClick={() => onGo(mark.start)}>
          <span class="finding-title">{mark.finding.title}</span>
          <span class="finding-words">{quoted}</span>
        </button>
      ) : (
        <div class="finding">
          <span class="finding-title">{mark.finding.title}</span>
          <span class="finding-words">{mark.finding.explanation}</span>
        </div>
      )}
      <p class="finding-question">{mark.finding.question}</p>
    </li>
  );
}
