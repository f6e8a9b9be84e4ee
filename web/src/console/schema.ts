// What the gateway knows of services, methods and types (/gateway/schema), asked again while somebody looks.

import { signal } from "@preact/signals";

/** A JSON Schema, as far as it is looked at here. */
export type Shape = { readonly [keyword: string]: unknown };

/** One method. */
export interface Method {
  readonly name: string;
  readonly service: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly comment: string;
  readonly deprecated: boolean;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly idempotency: string;
  /** Roles, `anyone`, or nobody. */
  readonly access: readonly string[];
  readonly input: Shape;
  readonly inputType: string;
  readonly outputType: string;
}

/** One service. */
export interface Service {
  readonly name: string;
  /** The Consul service that serves it. */
  readonly owner: string;
  readonly comment: string;
  readonly deprecated: boolean;
  readonly methods: readonly Method[];
}

/** Types by full name. */
export type Types = ReadonlyMap<string, Shape>;

/** What is known. */
export interface Known {
  readonly state: "loading" | "known" | "refused" | "lost";
  readonly generation: number;
  readonly services: readonly Service[];
  readonly types: Types;
}

const EVERY_MS = 10_000;
const PREFIX = "#/types/";

/** What is known now. */
export const known = signal<Known>({ state: "loading", generation: -1, services: [], types: new Map() });

/** Asks now, and again while somebody looks; what did not change stays as it is. */
export async function learn(ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    if (document.visibilityState === "visible") await once(ended);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, known.value.services.length === 0 ? 1_000 : EVERY_MS);
      function finish() {
        clearTimeout(timer);
        ended.removeEventListener("abort", finish);
        resolve();
      }
      ended.addEventListener("abort", finish);
    });
  }
}

async function once(ended: AbortSignal): Promise<void> {
  try {
    const limit = AbortSignal.any([ended, AbortSignal.timeout(8_000)]);
    const answer = await fetch("/gateway/schema", { signal: limit, cache: "no-store" });
    if (answer.status === 403 || answer.status === 401) {
      known.value = { ...known.value, state: "refused" };
      return;
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const told = read(await answer.json());
    if (told.generation !== known.value.generation || known.value.state !== "known") known.value = told;
  } catch {
    if (!ended.aborted && known.value.state !== "refused") known.value = { ...known.value, state: "lost" };
  }
}

/** Understands the gateway's answer; what is missing counts as empty. */
export function read(answer: unknown): Known {
  const document = record(answer);
  return {
    state: "known",
    generation: typeof document.generation === "number" ? document.generation : 0,
    services: list(document.services).map(serviceOf),
    types: new Map(Object.entries(record(document.types)).map(([name, shape]) => [name, record(shape)])),
  };
}

function serviceOf(entry: unknown): Service {
  const service = record(entry);
  const name = text(service.name);
  return {
    name,
    owner: text(service.owner),
    comment: text(service.comment),
    deprecated: service.deprecated === true,
    methods: list(service.methods).map((entry) => {
      const method = record(entry);
      return {
        name: text(method.name),
        service: name,
        path: text(method.path),
        comment: text(method.comment),
        deprecated: method.deprecated === true,
        clientStreaming: method.client_streaming === true,
        serverStreaming: method.server_streaming === true,
        idempotency: text(method.idempotency),
        access: list(method.access).map(text),
        input: record(method.input),
        inputType: text(method.input_type),
        outputType: text(method.output_type),
      };
    }),
  };
}

/** A shape with what it refers to; keywords beside a reference win. */
export function resolved(shape: Shape, types: Types): Shape {
  const reference = text(shape.$ref);
  if (!reference.startsWith(PREFIX)) return shape;
  const { $ref: _, ...beside } = shape;
  return { ...types.get(reference.slice(PREFIX.length)), ...beside };
}

/** The type that a shape refers to; empty where it is none of ours. */
export function typeName(shape: Shape): string {
  const reference = text(shape.$ref);
  return reference.startsWith(PREFIX) ? reference.slice(PREFIX.length) : "";
}

/** Anything as a record, a list, a text. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
