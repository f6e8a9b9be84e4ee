// Who the page is signed in as: a session in a cookie that no script can read, and the token that each call repeats, so
// that no other site can make calls in its name. On a development fabric the page signs itself in as a made-up student.

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { failureOf } from "../calling/failures";

/** What somebody is to a school. */
export const ROLES = ["student", "educator", "administrator", "parent"] as const;

/** One of them. */
export type Role = (typeof ROLES)[number];

/** What the gateway tells of the caller. */
export interface Session {
  readonly signedIn: boolean;
  /** Whether this gateway has sessions at all. */
  readonly sessions: boolean;
  /** Whether it makes people up: a development fabric. */
  readonly development: boolean;
  readonly roles: readonly string[];
  /** Repeated with each call; empty where no cookie says who calls. */
  readonly csrf: string;
}

const NOBODY: Session = { signedIn: false, sessions: false, development: false, roles: [], csrf: "" };

/** Who it is; undefined until the gateway has told. */
export const session = signal<Session | undefined>(undefined);

const PATH = "/gateway/session";
let asked: Promise<Session> | undefined;

/** Understands what the gateway tells. */
export function read(told: Record<string, unknown>): Session {
  return {
    signedIn: told.signed_in === true,
    sessions: told.sessions === true,
    development: told.development === true,
    roles: Array.isArray(told.roles) ? told.roles.filter((role) => typeof role === "string") : [],
    csrf: typeof told.csrf === "string" ? told.csrf : "",
  };
}

async function ask(init?: RequestInit): Promise<Session> {
  const answer = await fetch(PATH, { ...init, credentials: "same-origin", cache: "no-store" });
  // A gateway without sessions has no such place; then calls tell what is missing.
  const told = answer.ok ? read(await answer.json()) : NOBODY;
  session.value = told;
  return told;
}

async function begin(): Promise<Session> {
  const told = await ask();
  return !told.signedIn && told.development ? become("student") : told;
}

/** Who it is, asked once. A gateway that cannot be reached is asked again with the next call. */
export function known(): Promise<Session> {
  asked ??= begin().catch(() => {
    asked = undefined;
    return NOBODY;
  });
  return asked;
}

/** Becomes somebody made up, on a development fabric. */
export function become(role: Role): Promise<Session> {
  const headers = { "content-type": "application/json" };
  asked = ask({ method: "POST", headers, body: JSON.stringify({ role }) });
  return asked;
}

/** What a request of the page's must carry. */
export async function credentials(): Promise<Record<string, string>> {
  const { csrf } = await known();
  return csrf ? { "x-csrf-token": csrf } : {};
}

/** Makes a transport's calls in the session's name; one that is over is begun anew, once. */
export const identified: Interceptor = (next) => async (request) => {
  const call = async () => {
    for (const [name, value] of Object.entries(await credentials())) request.header.set(name, value);
    return next(request);
  };
  try {
    return await call();
  } catch (thrown) {
    if (!isOver(thrown)) throw thrown;
    asked = undefined;
    return call();
  }
};

/** Whether a call failed because the session that it named is none any more: it ended, or another tab began another. */
export function isOver(thrown: unknown): boolean {
  const { reason } = failureOf(thrown);
  const isIdentity = ConnectError.from(thrown).code === Code.Unauthenticated;
  return isIdentity && /^(SESSION_|CSRF_|PRINCIPAL_MISSING)/.test(reason);
}
