// Calls again what failed for a passing reason. Every method the page calls has no side effects, so a second try is
// always safe. The first tries are quiet: an instance that dies mid-answer is replaced by another within
// milliseconds, and a reader should never hear of it.

import { type Failure, failureOf, Refused } from "./failures";

/** Pauses before the quiet tries, then before those the reader is told of; the last one repeats. */
const QUIET_MS = [60, 250];
const TOLD_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** How to insist. */
export interface Insistence {
  /** Ends it all. */
  readonly signal: AbortSignal;
  /** A try failed after the quiet ones; the next begins at the time told (milliseconds since the epoch). */
  onPause(failure: Failure, nextAt: number): void;
  /** A told pause is over and the next try begins. */
  onTry?(): void;
  /** Spreads the pauses of many pages; 0 to 1. */
  readonly random?: () => number;
}

/** Tries until it works, is cancelled, or fails for a reason that stays; then throws `Refused`. */
export async function insist<T>(attempt: () => Promise<T>, insistence: Insistence): Promise<T> {
  const { signal, random = Math.random } = insistence;
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const failure = failureOf(thrown);
      if (!failure.passing) throw new Refused(failure);
      failures++;
      const quiet = QUIET_MS[failures - 1];
      if (quiet !== undefined && failure.kind !== "offline") {
        await pause(quiet, signal);
        continue;
      }
      const step = Math.min(Math.max(failures - QUIET_MS.length - 1, 0), TOLD_MS.length - 1);
      const length = Math.max(failure.retryAfterMs ?? 0, (TOLD_MS[step] ?? 0) * (0.75 + random() / 2));
      insistence.onPause(failure, Date.now() + length);
      await pause(length, signal);
      insistence.onTry?.();
    }
  }
}

const paused = new Set<() => void>();

/** Ends every pause now: the reader asked to, or the connection is back. */
export function tryNow(): void {
  for (const wake of [...paused]) wake();
}

/** Resolves after the time, when woken, or at once when cancelled (the caller then sees the signal). */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (end: () => void) => {
      clearTimeout(timer);
      paused.delete(wake);
      signal.removeEventListener("abort", abort);
      end();
    };
    const wake = () => finish(resolve);
    const abort = () => finish(() => reject(signal.reason));
    const timer = setTimeout(wake, milliseconds);
    paused.add(wake);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}
