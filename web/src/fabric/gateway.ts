// What the gateway says of the fabric, asked each second while somebody looks. What changed between two answers
// becomes calls that travel on the map and lines in the log; nothing is invented in between.

import { computed, signal } from "@preact/signals";

/** The health an instance reports of itself. */
export type Health = "passing" | "warning" | "critical";

/** One instance, as this gateway's balancer sees it. */
export interface Instance {
  readonly id: string;
  readonly address: string;
  readonly health: Health;
  readonly note: string;
  readonly weight: number;
  readonly version: string;
  readonly certificateExpires: string | undefined;
  readonly inFlight: number;
  /** Whether it gets no calls for a while, because it failed. */
  readonly ejected: boolean;
  readonly ejections: number;
  /** Calls under way there of those it takes on, from 0 to 1, as it says itself. */
  readonly load: number;
  readonly calls: number;
  readonly errors: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** One service and its instances. */
export interface Service {
  readonly name: string;
  readonly methods: readonly string[];
  readonly instances: readonly Instance[];
  /** Methods whose calls are refused for a moment, or tried one at a time. */
  readonly breakers: readonly Breaker[];
  /** Retries and hedges of the last seconds. */
  readonly budget: { readonly spent: number; readonly allowed: number };
}

/** A method's breaker that is not closed. */
export interface Breaker {
  readonly method: string;
  readonly state: string;
}

/** Something that happened to an instance between two looks. */
export interface Change {
  readonly number: number;
  readonly at: number;
  readonly instance: string;
  readonly what: string;
  readonly health: Health | "left" | "joined" | "ejected" | "readmitted";
}

/** What is known of the fabric. */
export interface View {
  readonly state: "loading" | "live" | "lost";
  readonly services: readonly Service[];
  /** When the gateway last answered. */
  readonly seenAt: number;
  readonly status: string;
}

const EVERY_MS = 1_000;
const CHANGES_KEPT = 30;

/** The fabric as it was last seen. */
export const view = signal<View>({ state: "loading", services: [], seenAt: 0, status: "" });

/** What happened while somebody looked, newest first. */
export const changes = signal<readonly Change[]>([]);

/** Calls that each instance took since the look before. */
export const fresh = signal<ReadonlyMap<string, number>>(new Map());

/** How many instances there are. */
export const instanceCount = computed(() =>
  view.value.services.reduce((sum, { instances }) => sum + instances.length, 0),
);

/** Looks each second until the signal ends it; pauses while the page is hidden. */
export async function look(ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    if (document.visibilityState === "visible") await once(ended);
    await rest(ended);
  }
}

async function once(ended: AbortSignal): Promise<void> {
  try {
    const limit = AbortSignal.any([ended, AbortSignal.timeout(4_000)]);
    const [services, health] = await Promise.all([
      fetch("/gateway/services", { signal: limit, cache: "no-store" }),
      fetch("/gateway/health", { signal: limit, cache: "no-store" }),
    ]);
    if (!services.ok) throw new Error(`status ${services.status}`);
    seen(servicesOf(await services.json()), statusOf(await health.json()));
  } catch {
    if (!ended.aborted) view.value = { ...view.value, state: "lost" };
  }
}

function rest(ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      ended.removeEventListener("abort", finish);
      document.removeEventListener("visibilitychange", finish);
      resolve();
    };
    const timer = setTimeout(finish, EVERY_MS);
    ended.addEventListener("abort", finish);
    document.addEventListener("visibilitychange", finish);
  });
}

function seen(services: readonly Service[], status: string): void {
  const before = view.value;
  if (before.seenAt > 0) {
    const happened = differences(before.services, services, Date.now(), changes.value[0]?.number ?? 0);
    if (happened.length > 0) changes.value = [...happened.reverse(), ...changes.value].slice(0, CHANGES_KEPT);
    fresh.value = newCalls(before.services, services);
  }
  view.value = { state: "live", services, seenAt: Date.now(), status };
}

/** What is different, oldest first. */
export function differences(before: readonly Service[], after: readonly Service[], at: number, from: number): Change[] {
  const old = byId(before);
  const now = byId(after);
  const found: Change[] = [];
  const add = (instance: string, what: string, health: Change["health"]) => {
    found.push({ number: from + found.length + 1, at, instance, what, health });
  };
  for (const [id, { health, note, ejected }] of now) {
    const was = old.get(id);
    if (!was) add(id, "joined", "joined");
    else if (was.health !== health) add(id, `went from ${was.health} to ${health}${note ? ` (${note})` : ""}`, health);
    if (ejected && !was?.ejected) add(id, "was ejected: it failed, and gets no calls for a while", "ejected");
    if (was?.ejected && !ejected) add(id, "gets calls again", "readmitted");
  }
  for (const id of old.keys()) if (!now.has(id)) add(id, "left", "left");
  return found;
}

/** Calls since the look before; an instance that started counting anew counts from zero. */
export function newCalls(before: readonly Service[], after: readonly Service[]): Map<string, number> {
  const old = byId(before);
  const fresh = new Map<string, number>();
  for (const [id, { calls }] of byId(after)) {
    const was = old.get(id)?.calls ?? 0;
    const more = calls >= was ? calls - was : calls;
    if (more > 0) fresh.set(id, more);
  }
  return fresh;
}

function byId(services: readonly Service[]): Map<string, Instance> {
  return new Map(services.flatMap(({ instances }) => instances).map((instance) => [instance.id, instance]));
}

/** Reads the gateway's answer; what is missing or of another type counts as unknown. */
export function servicesOf(answer: unknown): Service[] {
  return list(record(answer).services).map((entry) => {
    const service = record(entry);
    return {
      name: text(service.name),
      methods: list(service.methods).map(text),
      instances: list(service.instances).map(instanceOf),
      breakers: list(service.breakers)
        .map((breaker) => ({ method: text(record(breaker).method), state: text(record(breaker).state) }))
        .filter(({ state }) => state !== "" && state !== "closed"),
      budget: {
        spent: number(record(service.budget).spent) ?? 0,
        allowed: number(record(service.budget).allowed) ?? 0,
      },
    };
  });
}

function instanceOf(entry: unknown): Instance {
  const instance = record(entry);
  const latency = record(instance.latency_ms);
  const health = text(instance.health);
  return {
    id: text(instance.id),
    address: text(instance.address),
    health: health === "passing" || health === "warning" ? health : "critical",
    note: text(instance.note),
    weight: number(instance.weight) ?? 0,
    version: text(instance.version),
    certificateExpires: text(instance.certificate_expires) || undefined,
    inFlight: number(instance.in_flight) ?? 0,
    ejected: instance.ejected === true,
    ejections: number(instance.ejections) ?? 0,
    load: number(instance.utilization) ?? 0,
    calls: number(instance.calls) ?? 0,
    errors: number(instance.errors) ?? 0,
    p50: measured(latency.p50),
    p99: measured(latency.p99),
  };
}

/** No call takes no time: zero means that nothing was measured yet. */
function measured(value: unknown): number | undefined {
  return number(value) || undefined;
}

function statusOf(answer: unknown): string {
  return text(record(answer).status);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
