// Places and their addresses. A place is the part of the address after #, so that every file server can serve every
// deep link and the browser's own back button works.

import { computed, signal } from "@preact/signals";

/** Each place with its corners; the first corner is where the place opens. */
export const PLACES = {
  desk: { name: "Desk", corners: { write: "Write", reflection: "Reflect", drafts: "Drafts" } },
  task: {
    name: "Task",
    corners: { bloom: "Level of thinking", reply: "Check an AI's reply", access: "How much help" },
  },
  fabric: { name: "Fabric", corners: { map: "Services" } },
  // Its corners are methods, which the gateway knows.
  console: { name: "Console", corners: {} },
} as const;

/** A place of the page. */
export type Place = keyof typeof PLACES;

/** Where the reader is. */
export interface Whereabouts {
  readonly place: Place;
  readonly corner: string;
}

/** Understands an address; what it does not know leads to the desk. */
export function parse(hash: string): Whereabouts {
  const [place = "", corner = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  if (place === "console") return { place, corner: [corner, ...rest].join("/") };
  if (!(place in PLACES)) return { place: "desk", corner: "write" };
  const corners = Object.keys(PLACES[place as Place].corners);
  return { place: place as Place, corner: corners.includes(corner) ? corner : (corners[0] ?? "") };
}

/** The address of a place. */
export function address(place: Place, corner?: string): string {
  const first = Object.keys(PLACES[place].corners)[0];
  return corner && corner !== first ? `#/${place}/${corner}` : `#/${place}`;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** Where the reader is now. */
export const whereabouts = computed(() => parse(hash.value));
