// Every call this page made: which method, which instance answered (the gateway says so in a header), how fast, how it
// ended. Holds no text and no answer. The Fabric place shows it.

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { failureOf, isCancelled } from "./failures";

/** How a call ended. */
export type Outcome = "under way" | "answered" | "cancelled" | "failed";

/** One call of this page. */
export interface Call {
  readonly number: number;
  readonly service: string;
  readonly method: string;
  readonly startedAt: number;
  /** Until the first of the answer came; undefined before. */
  readonly firstMs: number | undefined;
  /** Until the end; undefined before. */
  readonly totalMs: number | undefined;
  /** Who answered; empty where nobody did. */
  readonly instance: string;
  readonly correlation: string;
  readonly outcome: Outcome;
  /** The gRPC code of a failure, for example "Unavailable". */
  readonly code: string;
}

const KEPT = 60;
let count = 0;

/** The last calls, newest first. */
export const calls = signal<readonly Call[]>([]);

function change(number: number, change: Partial<Call>): void {
  calls.value = calls.value.map((call) => (call.number === number ? { ...call, ...change } : call));
}

/** Watches each call of a transport. */
export const watching: Interceptor = (next) => async (request) => {
  const number = ++count;
  const startedAt = Date.now();
  const from = performance.now();
  const since = () => performance.now() - from;
  const call: Call = {
    number,
    service: request.service.typeName,
    method: request.method.name,
    startedAt,
    firstMs: undefined,
    totalMs: undefined,
    instance: "",
    correlation: "",
    outcome: "under way",
    code: "",
  };
  calls.value = [call, ...calls.value].slice(0, KEPT);
  const failed = (thrown: unknown) => {
    const error = ConnectError.from(thrown);
    const cancelled = isCancelled(thrown) || request.signal.aborted;
    const instance = error.metadata.get("lyceum-instance");
    change(number, {
      outcome: cancelled ? "cancelled" : "failed",
      code: cancelled ? "" : codeOf(error),
      totalMs: since(),
      ...(instance ? { instance } : {}),
    });
  };
  try {
    const response = await next(request);
    change(number, {
      firstMs: since(),
      instance: response.header.get("lyceum-instance") ?? "",
      correlation: response.header.get("x-correlation-id") ?? "",
      ...(response.stream ? {} : { outcome: "answered" as const, totalMs: since() }),
    });
    if (!response.stream) return response;
    return {
      ...response,
      message: followed(response.message, () => change(number, { outcome: "answered", totalMs: since() }), failed),
    };
  } catch (thrown) {
    failed(thrown);
    throw thrown;
  }
};

/** The code that a service or the gateway gave; a connection that never brought one has none. */
function codeOf(error: ConnectError): string {
  const { kind } = failureOf(error);
  return kind === "unreachable" || kind === "offline" ? "not reached" : (Code[error.code] ?? "");
}

async function* followed<T>(messages: AsyncIterable<T>, ended: () => void, failed: (thrown: unknown) => void) {
  let whole = false;
  try {
    yield* messages;
    whole = true;
    ended();
  } catch (thrown) {
    whole = true;
    failed(thrown);
    throw thrown;
  } finally {
    // The reader left the stream before its end.
    if (!whole) failed(new ConnectError("left", Code.Canceled));
  }
}
