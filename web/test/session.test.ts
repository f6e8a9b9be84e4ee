import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { isOver, read } from "../src/session/session";

function refused(code: Code, reason: string): ConnectError {
  const error = new ConnectError("said by the gateway", code);
  const value = new BinaryWriter().tag(1, WireType.LengthDelimited).string(reason).finish();
  error.details = [{ type: "google.rpc.ErrorInfo", value }];
  error.isWireError = true;
  return error;
}

describe("a session", () => {
  it("is what the gateway tells, and nothing where it tells nonsense", () => {
    const told = { signed_in: true, sessions: true, development: false, roles: ["educator"], csrf: "abc" };
    expect(read(told)).toEqual({
      signedIn: true,
      sessions: true,
      development: false,
      roles: ["educator"],
      csrf: "abc",
    });
    expect(read({ signed_in: "yes", roles: "all", csrf: null })).toEqual({
      signedIn: false,
      sessions: false,
      development: false,
      roles: [],
      csrf: "",
    });
  });

  it("is over when the gateway says so, and not when a role is missing", () => {
    expect(isOver(refused(Code.Unauthenticated, "SESSION_EXPIRED"))).toBe(true);
    expect(isOver(refused(Code.Unauthenticated, "CSRF_TOKEN"))).toBe(true);
    expect(isOver(refused(Code.Unauthenticated, "TOKEN_EXPIRED"))).toBe(false);
    expect(isOver(refused(Code.PermissionDenied, "ROLE_MISSING"))).toBe(false);
  });
});
