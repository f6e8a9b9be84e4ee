// Reads the google.rpc details of an error: why it failed (ErrorInfo), which fields broke which rule (BadRequest),
// when to come back (RetryInfo).
//
// Why by hand: these three messages are a handful of fields whose numbers never change; generating them would need
// a package of Google's contracts for thirty lines. Source: google/rpc/error_details.proto.

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** One broken input rule. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** What the details of an error say, as far as the page understands them. */
export interface Details {
  readonly reason: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;
}

/** A detail as it came over the wire. */
export interface RawDetail {
  readonly type: string;
  readonly value: Uint8Array;
}

/** Reads what is known and skips the rest; a detail that cannot be read says nothing. */
export function readDetails(raw: readonly RawDetail[]): Details {
  let reason = "";
  let metadata: ReadonlyMap<string, string> = new Map();
  let violations: readonly Violation[] = [];
  let retryAfterMs: number | undefined;
  for (const { type, value } of raw) {
    try {
      if (type === "google.rpc.ErrorInfo") {
        reason = text(fields(value).get(1)?.[0]);
        metadata = new Map(
          (fields(value).get(3) ?? []).map((entry) => {
            const pair = fields(bytes(entry));
            return [text(pair.get(1)?.[0]), text(pair.get(2)?.[0])];
          }),
        );
      } else if (type === "google.rpc.BadRequest") {
        violations = (fields(value).get(1) ?? []).map((entry) => {
          const violation = fields(bytes(entry));
          return { field: text(violation.get(1)?.[0]), description: text(violation.get(2)?.[0]) };
        });
      } else if (type === "google.rpc.RetryInfo") {
        const delay = fields(bytes(fields(value).get(1)?.[0]));
        retryAfterMs = number(delay.get(1)?.[0]) * 1000 + number(delay.get(2)?.[0]) / 1e6;
      }
    } catch {
      // Broken bytes in one detail leave the status code, which is enough to go on.
    }
  }
  return { reason, metadata, violations, retryAfterMs };
}

type Value = Uint8Array | number;

function fields(message: Uint8Array): Map<number, Value[]> {
  const reader = new BinaryReader(message);
  const found = new Map<number, Value[]>();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    let value: Value;
    if (wire === WireType.LengthDelimited) value = reader.bytes();
    else if (wire === WireType.Varint) value = Number(reader.int64());
    else {
      reader.skip(wire, field);
      continue;
    }
    found.set(field, [...(found.get(field) ?? []), value]);
  }
  return found;
}

function bytes(value: Value | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function text(value: Value | undefined): string {
  return new TextDecoder().decode(bytes(value));
}

function number(value: Value | undefined): number {
  return typeof value === "number" ? value : 0;
}
