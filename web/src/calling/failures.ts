// Why a call failed, in the page's own words. One table from gRPC status and google.rpc reason to a kind, and from a
// kind to what the reader is told: what happened, that their text is safe, what to do next.

import { Code, ConnectError } from "@connectrpc/connect";
import { type Details, type RawDetail, readDetails, type Violation } from "./details";

/** What went wrong, as far as the reader is concerned. */
export type FailureKind =
  | "offline"
  | "unreachable"
  | "down"
  | "busy"
  | "slow"
  | "too-long"
  | "no-words"
  | "language"
  | "invalid"
  | "unknown"
  | "not-allowed"
  | "broken";

/** One failed call. */
export interface Failure {
  readonly kind: FailureKind;
  /** True where the same call may well succeed a little later. */
  readonly passing: boolean;
  /** The stable reason from ErrorInfo; empty where there is none. */
  readonly reason: string;
  /** ISO 639 code of the language that was detected, for the kind "language". */
  readonly language: string;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;
}

/** Thrown in place of the raw error once it was understood. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.kind);
    this.name = "Refused";
  }
}

/** A failure in words. */
export interface Explanation {
  readonly title: string;
  readonly advice: string;
}

const PASSING: ReadonlySet<FailureKind> = new Set(["offline", "unreachable", "down", "busy", "slow"]);

/** Understands whatever a call threw. */
export function failureOf(thrown: unknown, online: boolean = globalThis.navigator?.onLine ?? true): Failure {
  if (thrown instanceof Refused) return thrown.failure;
  const error = ConnectError.from(thrown);
  const details = readDetails(error.details.filter((detail): detail is RawDetail => "type" in detail));
  const kind = kindOf(error, details, online);
  return {
    kind,
    passing: PASSING.has(kind),
    reason: details.reason,
    language: details.metadata.get("detected") ?? "",
    violations: details.violations,
    retryAfterMs: details.retryAfterMs,
  };
}

/** True when the page itself ended the call. */
export function isCancelled(thrown: unknown): boolean {
  return ConnectError.from(thrown).code === Code.Canceled;
}

function kindOf(error: ConnectError, details: Details, online: boolean): FailureKind {
  switch (details.reason) {
    case "LANGUAGE_UNSUPPORTED":
      return "language";
    case "TOO_MANY_WORDS":
      return "too-long";
    case "NO_WORDS":
      return "no-words";
    case "INPUT_INVALID":
      return details.violations.some(({ description }) => TOO_LONG.test(description)) ? "too-long" : "invalid";
  }
  switch (error.code) {
    case Code.Unavailable:
      return "down";
    case Code.DeadlineExceeded:
      return "slow";
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
      return "invalid";
    case Code.Unauthenticated:
      return "unknown";
    case Code.PermissionDenied:
      return "not-allowed";
    case Code.OutOfRange:
      return "too-long";
    case Code.ResourceExhausted:
      return details.retryAfterMs === undefined ? "too-long" : "busy";
    case Code.Unknown:
    case Code.Internal:
      // No grpc-status came: the connection broke before or in the answer.
      if (!error.isWireError && isConnectionLoss(error)) return online ? "unreachable" : "offline";
  }
  return "broken";
}

const TOO_LONG = /at most|no more than|max|too long|longer than/i;

function isConnectionLoss(error: ConnectError): boolean {
  return error.cause instanceof TypeError || /missing trailer|premature end|network/i.test(error.rawMessage);
}

/** What to tell. `what` names the capability, for example "live feedback". */
export function explain(failure: Failure, what: string): Explanation {
  switch (failure.kind) {
    case "offline":
      return {
        title: "You are offline",
        advice: `Write on: your text stays in this browser. ${sentence(what)} returns when the connection does.`,
      };
    case "unreachable":
      return {
        title: "The page cannot reach Lyceum",
        advice: `Write on: your text stays in this browser. ${sentence(what)} returns as soon as the gateway answers.`,
      };
    case "down":
      return {
        title: `${sentence(what)} is away for a moment`,
        advice:
          failure.reason === "DEPENDENCY_UNAVAILABLE"
            ? "A service that it relies on does not answer. Nothing was guessed, and your text is safe here."
            : "The service behind it does not answer. Your text is safe here.",
      };
    case "busy":
      return { title: `${sentence(what)} is very busy`, advice: "It asked for a short pause. Your text is safe here." };
    case "slow":
      return { title: "This takes longer than it should", advice: "No answer came in time. Your text is safe here." };
    case "too-long":
      return {
        title: "This text is too long",
        advice: `${described(failure)}Work on a part of it, for example one chapter: everything you wrote is still here.`,
      };
    case "no-words":
      return { title: "There are no words yet", advice: "Write a sentence or two, and the answer follows." };
    case "language":
      return {
        title: `This reads like ${languageName(failure.language)}`,
        advice: "The measures are made for English alone, so nothing was judged. Your text is untouched.",
      };
    case "invalid":
      return {
        title: "This could not be understood",
        advice: described(failure) || "Look over what you entered and try again.",
      };
    case "unknown":
      return {
        title: "You are not signed in",
        advice: `Sign in again, and ${what} returns. Your text is safe here.`,
      };
    case "not-allowed":
      return {
        title: `${sentence(what)} is not for you`,
        advice: "Somebody with another role may use it. Your text is safe here.",
      };
    case "broken":
      return {
        title: "Something went wrong on our side",
        advice: "Your text is safe here. Try again; if it stays, tell whoever runs this Lyceum.",
      };
  }
}

function described({ violations }: Failure): string {
  return violations
    .map(({ field, description }) => `${sentence(field.replaceAll("_", " "))}: ${description}. `)
    .join("");
}

/** The English name of a language code; "another language" where it has none. */
export function languageName(code: string): string {
  if (!/^[a-z]{2,3}$/i.test(code)) return "another language";
  try {
    const name = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(code);
    return name ?? "another language";
  } catch {
    return "another language";
  }
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
