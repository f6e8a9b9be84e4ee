// One call through the JSON front: what was answered, how fast, and what came along. A stream is shown as it comes.

import { batch, signal } from "@preact/signals";
import { credentials } from "../session/session";
import type { Method } from "./schema";
import { list, record, text } from "./schema";

/** One message of an answer. */
export interface Message {
  readonly number: number;
  readonly json: string;
  /** Since the call began. */
  readonly atMs: number;
}

/** What went wrong, as the answer says it. */
export interface Wrong {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

/** A call and what became of it. */
export interface Outcome {
  readonly state: "calling" | "answered" | "failed" | "cancelled" | "unreachable";
  readonly method: string;
  readonly status: number | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly messages: readonly Message[];
  /** All that came, also those that are no longer shown. */
  readonly count: number;
  readonly wrong: Wrong | undefined;
  readonly firstMs: number | undefined;
  readonly totalMs: number | undefined;
}

/** What is called. */
export interface Ask {
  readonly method: Method;
  readonly body: string;
  readonly metadata: readonly (readonly [string, string])[];
  readonly timeoutMs: number | undefined;
}

/** Messages of a stream that are shown; the newest. */
export const SHOWN = 200;

/** The last call; none before the first. */
export const outcome = signal<Outcome | undefined>(undefined);

let current: AbortController | undefined;

/** Ends the call under way. */
export function cancel(): void {
  current?.abort();
}

/** Forgets the last call. */
export function clear(): void {
  cancel();
  current = undefined;
  outcome.value = undefined;
}

/** Calls, and shows what comes. */
export async function call(ask: Ask): Promise<void> {
  cancel();
  const own = new AbortController();
  current = own;
  const from = performance.now();
  const since = () => performance.now() - from;
  let so: Outcome = {
    state: "calling",
    method: ask.method.path,
    status: undefined,
    headers: [],
    messages: [],
    count: 0,
    wrong: undefined,
    firstMs: undefined,
    totalMs: undefined,
  };
  const show = (change: Partial<Outcome>) => {
    so = { ...so, ...change };
    // One that was overtaken by the next is shown no more.
    if (current === own) outcome.value = so;
  };
  show({});
  try {
    const answer = await fetch(`/api${ask.method.path}`, {
      method: "POST",
      headers: await headersOf(ask),
      body: ask.body,
      signal: own.signal,
    });
    show({ status: answer.status, headers: [...answer.headers].sort(), firstMs: since() });
    if (!answer.ok) {
      show({ state: "failed", wrong: wrongOf(await answer.text()), totalMs: since() });
    } else if (ask.method.serverStreaming && answer.body) {
      await follow(answer.body, since, () => so, show);
    } else {
      const message = { number: 1, json: pretty(await answer.text()), atMs: since() };
      show({ state: "answered", messages: [message], count: 1, totalMs: since() });
    }
  } catch {
    show({ state: own.signal.aborted ? "cancelled" : "unreachable", totalMs: since() });
  }
}

async function headersOf(ask: Ask): Promise<Headers> {
  const headers = new Headers(ask.metadata.map(([name, value]) => [name, value]));
  headers.set("content-type", ask.method.clientStreaming ? "application/x-ndjson" : "application/json");
  headers.set("accept", ask.method.serverStreaming ? "application/x-ndjson" : "application/json");
  if (ask.timeoutMs) headers.set("grpc-timeout", `${ask.timeoutMs}m`);
  for (const [name, value] of Object.entries(await credentials())) headers.set(name, value);
  return headers;
}

/** Lines as they come: a result each, or the error that ends them. */
async function follow(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  since: () => number,
  now: () => Outcome,
  show: (change: Partial<Outcome>) => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (held + (value ?? "")).split("\n");
    held = done ? "" : (parts.pop() ?? "");
    const lines = parts.filter((line) => line.trim() !== "");
    const read = lines.map((line) => record(parsed(line)));
    const before = now();
    const atMs = since();
    const added = read
      .filter((line) => "result" in line)
      .map((line, index) => ({
        number: before.count + index + 1,
        json: JSON.stringify(line.result, null, 2),
        atMs,
      }));
    const failed = read.find((line) => "error" in line);
    batch(() => {
      if (added.length > 0) {
        const messages = [...before.messages, ...added].slice(-SHOWN);
        show({ messages, count: before.count + added.length });
      }
      if (failed) show({ state: "failed", wrong: wrongOf(JSON.stringify(failed.error)), totalMs: atMs });
      else if (done) show({ state: "answered", totalMs: atMs });
    });
    if (failed || done) return;
  }
}

/** Reads a `google.rpc.Status` in JSON; what is none is its own message. */
export function wrongOf(body: string): Wrong {
  const status = record(parsed(body));
  const details = list(status.details).map(record);
  const detail = (type: string) => details.find((entry) => text(entry["@type"]).endsWith(type)) ?? {};
  const code = typeof status.code === "number" ? (CODES[status.code] ?? String(status.code)) : text(status.code);
  return {
    code,
    reason: text(detail("google.rpc.ErrorInfo").reason),
    message: text(status.message) || body.slice(0, 500),
    violations: list(detail("google.rpc.BadRequest").fieldViolations).map((entry) => ({
      field: text(record(entry).field),
      description: text(record(entry).description),
    })),
  };
}

const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}

/** Lines of `name: value`; what is none of them is left out. */
export function metadataOf(lines: string): (readonly [string, string])[] {
  return lines
    .split("\n")
    .map((line) => /^([!#$%&'*+\-.^_`|~\w]+)\s*:\s*(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, name = "", value = ""]) => [name.toLowerCase(), value] as const);
}
