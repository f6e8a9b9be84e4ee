// One method: what its contract says, the form, the call, the answer, and the call in other words.

import { effect, signal, untracked } from "@preact/signals";
import { useState } from "preact/hooks";
import { forgotten } from "../keeping";
import { call, cancel, clear, metadataOf, outcome } from "./calling";
import { CLIENTS, type Client, type Copied, copyFor } from "./copying";
import { Value } from "./fields";
import { Result } from "./result";
import type { Method, Types } from "./schema";
import { flowing } from "./shapes";

/** What was filled in for each method, until the page is closed. */
const drafts = new Map<string, Draft>();

interface Draft {
  readonly body: string;
  /** Whether it is shown as JSON rather than as a form. */
  readonly raw: boolean;
}

// What was forgotten is forgotten here too.
effect(() => {
  forgotten.value;
  drafts.clear();
  untracked(clear);
});

const metadata = signal("");
const seconds = signal("");

export function MethodPanel({ method, types }: { readonly method: Method; readonly types: Types }) {
  const [draft, setDraft] = useState<Draft>(
    () => drafts.get(method.path) ?? { body: "{}", raw: method.clientStreaming },
  );
  const change = (next: Draft) => {
    drafts.set(method.path, next);
    setDraft(next);
  };
  const value = objectOf(draft.body);
  const raw = draft.raw || value === undefined;
  const asked = { method, body: draft.body, metadata: metadataOf(metadata.value), timeoutMs: timeoutOf(seconds.value) };
  const own = outcome.value?.method === method.path ? outcome.value : undefined;
  const calling = own?.state === "calling";
  const send = () => void call(asked);
  return (
    <section class="console-method" aria-labelledby="console-method-name">
      <h2 id="console-method-name">{method.name}</h2>
      <p class="console-path">
        <code>{method.path}</code>
      </p>
      <Promises method={method} />
      {method.comment && <p class="console-comment">{flowing(method.comment)}</p>}
      <form
        class="console-form"
        aria-label="Request"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            send();
          }
        }}
      >
        <div class="console-form-head">
          <h3>{shortType(method.inputType)}</h3>
          {!method.clientStreaming && (
            <button
              type="button"
              class="button-quiet"
              aria-pressed={raw}
              disabled={value === undefined}
              onClick={() => change({ body: raw ? draft.body : pretty(draft.body), raw: !draft.raw })}
            >
              As JSON
            </button>
          )}
        </div>
        {raw ? (
          <RawBody method={method} broken={value === undefined} draft={draft} onChange={change} />
        ) : (
          <Value
            id="request"
            shape={method.input}
            types={types}
            value={value}
            label={shortType(method.inputType)}
            onChange={(value) => change({ body: pretty(JSON.stringify(value ?? {})), raw: false })}
          />
        )}
        <Around />
        <div class="actions">
          <button type="submit" class="button" disabled={calling}>
            Call
          </button>
          <button type="button" class="button-quiet" disabled={!calling} onClick={cancel}>
            Cancel
          </button>
          <span class="hint">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> calls
          </span>
        </div>
      </form>
      <Result outcome={own} stream={method.serverStreaming} />
      <Copies call={{ ...asked, origin: location.origin }} />
    </section>
  );
}

/** What the contract promises, in a few words. */
function Promises({ method }: { readonly method: Method }) {
  const { access, idempotency, clientStreaming, serverStreaming, deprecated } = method;
  const marks = [
    clientStreaming && serverStreaming
      ? "streams both ways"
      : clientStreaming
        ? "takes a stream"
        : serverStreaming
          ? "answers with a stream"
          : "",
    idempotency === "no_side_effects" ? "changes nothing" : idempotency === "idempotent" ? "may be repeated" : "",
    access.length === 0 ? "nobody may call it" : `for ${access.join(", ")}`,
    deprecated ? "deprecated" : "",
  ].filter(Boolean);
  return (
    <ul class="console-marks" aria-label="What the contract says">
      {marks.map((mark) => (
        <li key={mark} class="console-mark">
          {mark}
        </li>
      ))}
    </ul>
  );
}

interface RawProps {
  readonly method: Method;
  readonly broken: boolean;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

function RawBody({ method, broken, draft, onChange }: RawProps) {
  const isBroken = broken && !method.clientStreaming;
  return (
    <div class="console-field">
      <label for="request-json">
        {method.clientStreaming ? "Requests as JSON, one on each line" : "Request as JSON"}
      </label>
      <textarea
        id="request-json"
        class="console-text console-code"
        rows={Math.min(24, Math.max(6, draft.body.split("\n").length + 1))}
        spellcheck={false}
        value={draft.body}
        aria-invalid={isBroken}
        aria-describedby={isBroken ? "request-json-wrong" : undefined}
        onInput={({ currentTarget }) => onChange({ ...draft, body: currentTarget.value, raw: true })}
      />
      {isBroken && (
        <p class="hint" id="request-json-wrong">
          This is not yet a JSON object. It is sent as it stands; the form comes back once it is one.
        </p>
      )}
    </div>
  );
}

/** What goes along with every call: the same for all methods, so that it is typed once. */
function Around() {
  return (
    <details class="console-around">
      <summary>Metadata and deadline</summary>
      <div class="console-field">
        <label for="console-metadata">Metadata, a line for each: name: value</label>
        <textarea
          id="console-metadata"
          class="console-text console-code"
          rows={3}
          spellcheck={false}
          value={metadata.value}
          onInput={({ currentTarget }) => {
            metadata.value = currentTarget.value;
          }}
        />
      </div>
      <div class="console-field">
        <label for="console-deadline">Deadline in seconds</label>
        <input
          id="console-deadline"
          class="console-input console-number"
          type="text"
          inputMode="decimal"
          value={seconds.value}
          onInput={({ currentTarget }) => {
            seconds.value = currentTarget.value;
          }}
        />
      </div>
    </details>
  );
}

function Copies({ call }: { readonly call: Copied }) {
  const [client, setClient] = useState<Client>("curl");
  const [said, setSaid] = useState("");
  const text = copyFor(client, call);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(`Copied for ${CLIENTS[client]}.`);
    } catch {
      setSaid("This browser does not let the page copy: select the text and copy it.");
    }
  };
  return (
    <section class="console-copies" aria-label="The same call elsewhere">
      <div class="console-form-head">
        <h3>The same call elsewhere</h3>
        <div class="actions">
          <select
            class="console-select"
            aria-label="Copy for"
            value={client}
            onChange={({ currentTarget }) => {
              setClient(currentTarget.value as Client);
              setSaid("");
            }}
          >
            {(Object.keys(CLIENTS) as Client[]).map((client) => (
              <option key={client} value={client}>
                {CLIENTS[client]}
              </option>
            ))}
          </select>
          <button type="button" class="button-quiet" onClick={copy}>
            Copy
          </button>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre class="console-pre" tabIndex={0}>
        <code>{text}</code>
      </pre>
      <p class="hint" role="status">
        {said}
      </p>
    </section>
  );
}

/** The request as an object; none where the text is none. */
function objectOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function pretty(body: string): string {
  return JSON.stringify(JSON.parse(body), null, 2);
}

function timeoutOf(seconds: string): number | undefined {
  const value = Number(seconds);
  return seconds.trim() !== "" && value > 0 && value <= 3_600 ? Math.ceil(value * 1_000) : undefined;
}

function shortType(name: string): string {
  return name.split(".").at(-1) ?? name;
}
