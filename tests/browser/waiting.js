// Waiting for a condition, never for a time.

const LOOK_MS = 20;

/** Resolves with the first true value of the condition; fails with what was awaited. */
export async function until(condition, what, limit = 15_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${limit / 1000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
