// What came of a call: how it ended, how fast, the messages as they came, and what came along.

import type { Outcome, Wrong } from "./calling";
import { SHOWN } from "./calling";

const STATES: Record<Outcome["state"], string> = {
  calling: "Calling",
  answered: "Answered",
  failed: "Failed",
  cancelled: "Cancelled",
  unreachable: "No answer came: the gateway cannot be reached",
};

export function Result({ outcome, stream }: { readonly outcome: Outcome | undefined; readonly stream: boolean }) {
  if (!outcome) return <p class="empty">The answer appears here.</p>;
  const { state, status, messages, count, wrong, firstMs, totalMs, headers } = outcome;
  const facts = [
    status === undefined ? "" : `HTTP ${status}`,
    stream ? `${count} ${count === 1 ? "message" : "messages"}` : "",
    firstMs === undefined ? "" : `first byte after ${milliseconds(firstMs)}`,
    totalMs === undefined ? "" : `${milliseconds(totalMs)} in all`,
  ].filter(Boolean);
  return (
    <section class="console-result" aria-label="Answer">
      <h3>Answer</h3>
      <p class="console-state" role="status" data-state={state}>
        <strong>{STATES[state]}</strong>
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      {wrong && <Failure wrong={wrong} />}
      {count > messages.length && <p class="hint">{`The newest ${SHOWN} of ${count} messages are shown.`}</p>}
      {messages.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <section class="console-messages" aria-label="Messages" tabIndex={0}>
          {messages.map(({ number, json, atMs }) => (
            <figure key={number} class="console-message">
              {stream && <figcaption class="hint">{`${number}, after ${milliseconds(atMs)}`}</figcaption>}
              <pre>
                <code>{json}</code>
              </pre>
            </figure>
          ))}
        </section>
      )}
      {headers.length > 0 && (
        <details class="console-around">
          <summary>{`Metadata of the answer (${headers.length})`}</summary>
          <dl class="console-headers">
            {headers.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Failure({ wrong: { code, reason, message, violations } }: { readonly wrong: Wrong }) {
  return (
    <div class="console-wrong">
      <p>
        <strong>{[code, reason].filter(Boolean).join(" · ")}</strong>
      </p>
      <p>{message}</p>
      {violations.length > 0 && (
        <ul>
          {violations.map(({ field, description }) => (
            <li key={`${field} ${description}`}>
              <code>{field}</code> {description}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function milliseconds(time: number): string {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}
