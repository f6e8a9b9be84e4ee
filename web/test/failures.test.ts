import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { explain, failureOf, languageName } from "../src/calling/failures";

function strings(...fields: [number, string][]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) writer.tag(number, WireType.LengthDelimited).string(value);
  return writer.finish();
}

function message(...fields: [number, Uint8Array][]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) writer.tag(number, WireType.LengthDelimited).bytes(value);
  return writer.finish();
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** An error as it comes over the wire. */
function wire(code: Code, ...details: [string, Uint8Array][]): ConnectError {
  const error = new ConnectError("said by the service", code);
  error.details = details.map(([type, value]) => ({ type: `google.rpc.${type}`, value }));
  error.isWireError = true;
  return error;
}

describe("a failure", () => {
  it("in another language names it", () => {
    const info = join(
      strings([1, "LANGUAGE_UNSUPPORTED"], [2, "lyceum"]),
      message([3, strings([1, "detected"], [2, "deu"])]),
    );
    const failure = failureOf(wire(Code.FailedPrecondition, ["ErrorInfo", info]), true);
    expect(failure).toMatchObject({ kind: "language", language: "deu", passing: false });
    expect(explain(failure, "live feedback").title).toBe("This reads like German");
  });

  it("of a text that is too long says what was broken", () => {
    const violation = strings([1, "text"], [2, "must be at most 200000 characters"]);
    const failure = failureOf(
      wire(Code.InvalidArgument, ["ErrorInfo", strings([1, "INPUT_INVALID"])], ["BadRequest", message([1, violation])]),
      true,
    );
    expect(failure).toMatchObject({ kind: "too-long", passing: false });
    expect(explain(failure, "live feedback").advice).toContain("200000");
    const words = failureOf(wire(Code.InvalidArgument, ["ErrorInfo", strings([1, "TOO_MANY_WORDS"])]), true);
    expect(words.kind).toBe("too-long");
  });

  it("that tells when to come back is passing", () => {
    const delay = join(new Uint8Array([8, 2]), new Uint8Array([16, 0x80, 0xca, 0xb5, 0xee, 0x01]));
    const failure = failureOf(wire(Code.ResourceExhausted, ["RetryInfo", message([1, delay])]), true);
    expect(failure).toMatchObject({ kind: "busy", passing: true, retryAfterMs: 2_500 });
  });

  it("of the connection is told from one of the service", () => {
    const lost = ConnectError.from(new TypeError("Failed to fetch"));
    expect(failureOf(lost, true).kind).toBe("unreachable");
    expect(failureOf(lost, false).kind).toBe("offline");
    expect(failureOf(ConnectError.from("missing trailer"), true).kind).toBe("unreachable");
    expect(failureOf(wire(Code.Unavailable, ["ErrorInfo", strings([1, "NO_INSTANCES"])]), true)).toMatchObject({
      kind: "down",
      reason: "NO_INSTANCES",
    });
    expect(failureOf(wire(Code.Internal), true)).toMatchObject({ kind: "broken", passing: false });
    expect(failureOf(wire(Code.DeadlineExceeded), true)).toMatchObject({ kind: "slow", passing: true });
  });

  it("with details that cannot be read falls back on its code", () => {
    const failure = failureOf(wire(Code.Unavailable, ["ErrorInfo", new Uint8Array([0x0a, 0xff, 0x01])]), true);
    expect(failure).toMatchObject({ kind: "down", reason: "" });
  });
});

describe("a language's name", () => {
  it("is another language where nobody knows it", () => {
    expect(languageName("spa")).toBe("Spanish");
    expect(languageName("")).toBe("another language");
    expect(languageName("../x")).toBe("another language");
  });
});
