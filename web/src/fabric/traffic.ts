// Every caller's calls as the gateway counts them, told each second while somebody looks (/gateway/calls/live).

import { signal } from "@preact/signals";

/** How the calls of one method fare, or of all together. */
export interface Fared {
  readonly method: string;
  readonly inFlight: number;
  readonly calls: number;
  readonly errors: number;
  /** Of the last seconds. */
  readonly recent: {
    readonly perSecond: number;
    readonly calls: number;
    readonly errors: number;
    readonly p50: number | undefined;
    readonly p99: number | undefined;
  };
}

/** One second of all calls. */
export interface Second {
  readonly calls: number;
  readonly errors: number;
}

/** What was told. */
export interface Traffic {
  readonly state: "waiting" | "live" | "lost" | "closed";
  readonly all: Fared | undefined;
  readonly methods: readonly Fared[];
  /** The last minute, oldest first. */
  readonly seconds: readonly Second[];
}

const SECONDS = 60;

/** What was told last. */
export const traffic = signal<Traffic>({ state: "waiting", all: undefined, methods: [], seconds: [] });

/** Listens until the signal ends it; not while the page is hidden. */
export function listen(ended: AbortSignal): void {
  let source: EventSource | undefined;
  const follow = () => {
    const wanted = document.visibilityState === "visible" && !ended.aborted;
    if (wanted && !source) {
      source = new EventSource("/gateway/calls/live");
      source.addEventListener("message", ({ data }) => {
        traffic.value = counted(traffic.value, JSON.parse(data));
      });
      source.addEventListener("error", () => {
        // One that is refused stays closed; any other is asked again by the browser.
        const state = source?.readyState === EventSource.CLOSED ? "closed" : "lost";
        traffic.value = { ...traffic.value, state };
      });
    } else if (!wanted) {
      source?.close();
      source = undefined;
    }
  };
  document.addEventListener("visibilitychange", follow);
  ended.addEventListener("abort", () => {
    document.removeEventListener("visibilitychange", follow);
    follow();
  });
  follow();
}

/** What is known after another second was told. */
export function counted(before: Traffic, told: unknown): Traffic {
  const report = record(told);
  const all = faredOf("", report.all);
  const was = before.state === "live" ? before.all : undefined;
  const grown = (now: number, then: number | undefined) => Math.max(0, now - (then ?? now));
  const second = { calls: grown(all.calls, was?.calls), errors: grown(all.errors, was?.errors) };
  const methods = Object.entries(record(report.methods))
    .map(([method, fared]) => faredOf(method, fared))
    .filter(({ calls, inFlight }) => calls > 0 || inFlight > 0)
    .sort((one, other) => other.recent.calls - one.recent.calls || one.method.localeCompare(other.method));
  return { state: "live", all, methods, seconds: [...before.seconds, second].slice(-SECONDS) };
}

function faredOf(method: string, told: unknown): Fared {
  const fared = record(told);
  const recent = record(fared.recent);
  const latency = record(recent.latency_ms);
  return {
    method,
    inFlight: number(fared.in_flight),
    calls: number(fared.calls),
    errors: sum(fared.errors),
    recent: {
      perSecond: number(recent.per_second),
      calls: number(recent.calls),
      errors: sum(recent.errors),
      // No call takes no time: zero means that there was none.
      p50: number(latency.p50) || undefined,
      p99: number(latency.p99) || undefined,
    },
  };
}

function sum(counts: unknown): number {
  return Object.values(record(counts)).reduce<number>((sum, count) => sum + number(count), 0);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
