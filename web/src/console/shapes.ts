// What a form asks for each shape of the contract: one kind of entry for each kind of value.

import { list, record, resolved, type Shape, type Types, text, typeName } from "./schema";

/** A property of a message. */
export interface Property {
  readonly name: string;
  readonly shape: Shape;
  readonly required: boolean;
  /** The oneof that it belongs to; empty where it belongs to none. */
  readonly oneof: string;
}

/** One value of a choice. */
export interface Choice {
  readonly value: string;
  readonly meaning: string;
}

/** What is asked for. */
export type Entry =
  | { readonly kind: "text"; readonly long: boolean; readonly most: number | undefined }
  | { readonly kind: "bytes" }
  | { readonly kind: "number"; readonly whole: boolean; readonly wide: boolean }
  | { readonly kind: "flag" }
  | { readonly kind: "choice"; readonly choices: readonly Choice[] }
  | { readonly kind: "message"; readonly type: string; readonly properties: readonly Property[] }
  | { readonly kind: "list"; readonly items: Shape }
  | { readonly kind: "map"; readonly values: Shape }
  | { readonly kind: "anything" };

/** Texts that may be longer than this are given room. */
const LONG = 200;

/** What a shape asks for. */
export function entryOf(shape: Shape, types: Types): Entry {
  const own = resolved(shape, types);
  if (Array.isArray(own.enum) && own.enum.every((value) => typeof value === "string"))
    return choiceOf(own, text(types.get(typeName(shape))?.description ?? own.description));
  const kinds = Array.isArray(own.type) ? own.type.map(text) : [text(own.type)];
  const is = (kind: string) => kinds.includes(kind);
  if (is("integer")) return { kind: "number", whole: true, wide: is("string") };
  if (is("number")) return { kind: "number", whole: false, wide: false };
  if (is("boolean")) return { kind: "flag" };
  if (is("string")) {
    if (own.contentEncoding === "base64") return { kind: "bytes" };
    const most = typeof own.maxLength === "number" ? own.maxLength : undefined;
    const short = own.pattern !== undefined || own.format !== undefined || (most !== undefined && most <= LONG);
    return { kind: "text", long: !short, most };
  }
  if (is("array") && own.items !== undefined) return { kind: "list", items: record(own.items) };
  if (is("object")) {
    if (own.properties !== undefined) return messageOf(shape, own);
    if (typeof own.additionalProperties === "object") return { kind: "map", values: record(own.additionalProperties) };
  }
  return { kind: "anything" };
}

function messageOf(shape: Shape, own: Shape): Entry {
  const required = new Set(list(own.required).map(text));
  const said = record(own.properties);
  // As the contract has them; what it does not order follows.
  const names = new Set([...list(own["x-order"]).map(text), ...Object.keys(said)]);
  const ordered = [...names].filter((name) => name in said).map((name) => [name, said[name]] as const);
  const properties = ordered.map(([name, property]) => ({
    name,
    shape: record(property),
    required: required.has(name),
    oneof: text(record(property)["x-oneof"]),
  }));
  return { kind: "message", type: typeName(shape), properties };
}

function choiceOf(own: Shape, about: string): Entry {
  const refused = new Set(list(record(own.not).enum).map(text));
  const meanings = new Map<string, string>();
  for (const line of about.split("\n")) {
    const [, name, meaning] = /^- (\w+): (.*)$/.exec(line) ?? [];
    if (name && meaning) meanings.set(name, meaning);
  }
  const choices = list(own.enum)
    .map(text)
    .filter((value) => !refused.has(value))
    .map((value) => ({ value, meaning: meanings.get(value) ?? "" }));
  return { kind: "choice", choices };
}

/** What a value begins as once somebody adds it. */
export function beginning(shape: Shape, types: Types): unknown {
  const entry = entryOf(shape, types);
  switch (entry.kind) {
    case "text":
    case "bytes":
      return "";
    case "number":
      return entry.wide ? "0" : 0;
    case "flag":
      return false;
    case "choice":
      return entry.choices[0]?.value ?? "";
    case "list":
      return [];
    case "message":
    case "map":
    case "anything":
      return {};
  }
}

/** What is said of a field: its own words, not those of its choices. */
export function words(shape: Shape): string {
  return flowing(text(shape.description));
}

/** A comment as paragraphs and lists, without the breaks that its author's editor made. */
export function flowing(comment: string): string {
  return comment.replace(/([^\n])\n(?![\n\s]*[-*•]|\n)/g, "$1 ");
}

/** What was typed as a number; none where it is none yet. Wide numbers stay text, so that no digit is lost. */
export function numberOf(typed: string, entry: Extract<Entry, { kind: "number" }>): unknown {
  const trimmed = typed.trim();
  if (trimmed === "") return undefined;
  if (entry.wide) return trimmed;
  const value = Number(trimmed);
  // What is no number is sent as it is: the gateway says what is wrong with it, and where.
  return Number.isFinite(value) && (!entry.whole || Number.isInteger(value)) ? value : trimmed;
}

/** Text as base64 and back; what is no text comes back as undefined. */
export function encode(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}
export function decode(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
