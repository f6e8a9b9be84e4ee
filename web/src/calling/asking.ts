// One question to the fabric and the state of its answer: what a form on the page shows while it waits, when it
// succeeds and when it fails. A new question cancels the one before.

import { signal } from "@preact/signals";
import { type Failure, failureOf } from "./failures";
import { insist } from "./insisting";

/** Where a question stands. */
export type Asked<T> =
  | { readonly state: "idle" }
  | { readonly state: "waiting"; readonly slow: boolean }
  | { readonly state: "answered"; readonly answer: T }
  /** `nextAt` is when it tries again by itself; undefined when it does not. */
  | { readonly state: "failed"; readonly failure: Failure; readonly nextAt: number | undefined };

const SLOW_MS = 3_000;

/** Asks, and tells how it goes through `state`. */
export class Asking<T> {
  readonly state = signal<Asked<T>>({ state: "idle" });
  #running: AbortController | undefined;

  /** Asks; resolves when it is settled, whichever way. */
  async ask(call: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const waiting = () => {
      this.state.value = { state: "waiting", slow: false };
    };
    waiting();
    const slow = setInterval(() => {
      if (this.state.value.state === "waiting") this.state.value = { state: "waiting", slow: true };
    }, SLOW_MS);
    try {
      const answer = await insist(() => call(running.signal), {
        signal: running.signal,
        onPause: (failure, nextAt) => {
          this.state.value = { state: "failed", failure, nextAt };
        },
        onTry: waiting,
      });
      if (!running.signal.aborted) this.state.value = { state: "answered", answer };
    } catch (thrown) {
      if (running.signal.aborted) return;
      this.state.value = { state: "failed", failure: failureOf(thrown), nextAt: undefined };
    } finally {
      clearInterval(slow);
    }
  }

  /** Forgets the question and its answer. */
  clear(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.state.value = { state: "idle" };
  }
}
