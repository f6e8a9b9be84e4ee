// Two short logs: the calls of this page (who answered, how fast), and what happened to instances while it was open.

import { type Call, calls } from "../calling/calls";
import { changes, view } from "./gateway";
import { milliseconds } from "./table";

const SHOWN = 15;

export function CallLog() {
  const shown = calls.value.slice(0, SHOWN);
  return (
    <section class="log" aria-labelledby="calls-title">
      <h2 id="calls-title">Calls of this page</h2>
      {shown.length === 0 ? (
        <p class="empty">None yet. Write on the desk or send some calls from a room above.</p>
      ) : (
        <ol class="log-lines">
          {shown.map((call) => (
            <Line key={call.number} call={call} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Line({ call }: { readonly call: Call }) {
  const outcome = call.outcome === "failed" ? call.code || "failed" : call.outcome;
  return (
    <li
      class="log-line"
      data-outcome={call.outcome}
      data-instance={call.instance}
      title={call.correlation ? `Correlation ${call.correlation}` : undefined}
    >
      <time class="faint">{new Date(call.startedAt).toLocaleTimeString("en-GB")}</time>
      <span class="log-method">{call.method}</span>
      <span class="log-instance">{call.instance || "nobody"}</span>
      <span class="log-outcome">{outcome}</span>
      <span class="number">{milliseconds(call.totalMs ?? call.firstMs)}</span>
    </li>
  );
}

export function ChangeLog() {
  return (
    <section class="log" aria-labelledby="changes-title">
      <h2 id="changes-title">What happened while you looked</h2>
      {changes.value.length === 0 ? (
        <p class="empty">
          {view.value.seenAt > 0
            ? "Nothing: every instance is as it was. Stop one, and see it here."
            : "Nothing was seen yet."}
        </p>
      ) : (
        <ol class="log-lines" aria-live="polite">
          {changes.value.slice(0, SHOWN).map((change) => (
            <li key={change.number} class="log-line" data-health={change.health}>
              <time class="faint">{new Date(change.at).toLocaleTimeString("en-GB")}</time>
              <span class="log-instance">{change.instance}</span>
              <span>{change.what}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
