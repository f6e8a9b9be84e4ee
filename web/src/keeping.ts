// What the reader wrote, kept in this browser alone (localStorage) so that a closed tab loses nothing. Everything is
// under one key, so that "forget my text" is one removal. Where storage is refused (private windows), the page works
// and forgets at the end of the visit.

import { effect, signal } from "@preact/signals";

const KEY = "lyceum.text";
const PAUSE_MS = 200;

const EMPTY = {
  essay: "",
  earlier: "",
  later: "",
  reflection: "",
  task: "",
  reply: "",
  stage: 2,
  replies: 0,
  ownWork: 0,
};

type Kept = typeof EMPTY;

function read(): Kept {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const kept = { ...EMPTY };
    if (typeof stored !== "object" || stored === null) return kept;
    for (const [name, value] of Object.entries(stored)) {
      if (name in kept && typeof value === typeof kept[name as keyof Kept]) Object.assign(kept, { [name]: value });
    }
    return kept;
  } catch {
    return { ...EMPTY };
  }
}

const first = read();

/** Everything the reader entered. */
export const kept = {
  essay: signal(first.essay),
  earlier: signal(first.earlier),
  later: signal(first.later),
  reflection: signal(first.reflection),
  task: signal(first.task),
  reply: signal(first.reply),
  stage: signal(first.stage),
  replies: signal(first.replies),
  ownWork: signal(first.ownWork),
};

/** Counts how often everything was forgotten; places clear their answers when it moves. */
export const forgotten = signal(0);

function now(): Kept {
  const values = Object.entries(kept).map(([name, value]) => [name, value.value]);
  return Object.fromEntries(values) as Kept;
}

function isEmpty(values: Kept): boolean {
  return !(values.essay || values.earlier || values.later || values.reflection || values.task || values.reply);
}

let timer: ReturnType<typeof setTimeout> | undefined;

function store(): void {
  clearTimeout(timer);
  timer = undefined;
  try {
    const values = now();
    if (isEmpty(values)) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // Refused or full: the page still holds the text.
  }
}

/** Keeps every change from now on. */
export function startKeeping(): void {
  effect(() => {
    now();
    timer ??= setTimeout(store, PAUSE_MS);
  });
  addEventListener("pagehide", store);
}

/** Empties the page and the browser's storage. */
export function forgetEverything(): void {
  for (const [name, value] of Object.entries(kept)) value.value = EMPTY[name as keyof Kept];
  store();
  forgotten.value++;
}
