// What is around every place: the name, the navigation, the way past it, and what becomes of the reader's text.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { tryNow } from "./calling/insisting";
import { comparing, Drafts } from "./desk/drafts";
import { evaluating, Reflection } from "./desk/reflection";
import { Writing } from "./desk/writing";
import { Skeleton } from "./elements/answer";
import { Fabric } from "./fabric/fabric";
import { forgetEverything } from "./keeping";
import { address, PLACES, type Place, type Whereabouts, whereabouts } from "./routing";
import { Who } from "./session/who";
import { Access, deciding } from "./task/access";
import { Bloom, classifying } from "./task/bloom";
import { Reply, validating } from "./task/reply";

const online = signal(navigator.onLine);
addEventListener("offline", () => {
  online.value = false;
});
addEventListener("online", () => {
  online.value = true;
  tryNow();
});

const HEADINGS: Record<string, string> = {
  "desk/write": "Desk",
  "desk/reflection": "Reflection",
  "desk/drafts": "Two drafts",
  "task/bloom": "What the task asks for",
  "task/reply": "An AI's reply",
  "task/access": "How much help",
};

export function Shell() {
  const here = whereabouts.value;
  const key = `${here.place}/${here.corner}`;
  const heading = HEADINGS[key];
  const main = useRef<HTMLElement>(null);
  const arrived = useRef(false);
  useEffect(() => {
    document.title = `${heading ?? PLACES[here.place].name} · Lyceum`;
    // After the first, a change of place is a change of page: it begins at the top, and a screen reader hears of it.
    if (arrived.current) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    arrived.current = true;
  }, [key]);
  return (
    <>
      <header class="head">
        <a
          class="skip"
          href={address(here.place, here.corner)}
          onClick={(event) => {
            event.preventDefault();
            main.current?.focus();
          }}
        >
          Skip to the content
        </a>
        <a class="brand" href={address("desk")}>
          <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
            <path
              d="M6 12 16 6l10 6zM8 14h3v9H8zm6.500 0h3v9h-3zM21 14h3v9h-3zM6 24.500h20V27H6z"
              fill="currentColor"
            />
          </svg>
          Lyceum
        </a>
        <nav aria-label="Places">
          <ul class="places">
            {(Object.keys(PLACES) as Place[]).map((place) => (
              <li key={place}>
                <a href={address(place)} aria-current={here.place === place ? "page" : undefined}>
                  {PLACES[place].name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Who />
      </header>
      <main id="main" tabIndex={-1} ref={main} class={`place place-${here.place}`}>
        {!online.value && (
          <p class="banner" role="status">
            You are offline. What you write is kept in this browser, and feedback returns with the connection.
          </p>
        )}
        <Corners here={here} />
        {heading && <h1 class={key === "desk/write" ? "unseen" : "place-title"}>{heading}</h1>}
        {key === "desk/write" && <Writing />}
        {key === "desk/reflection" && <Reflection />}
        {key === "desk/drafts" && <Drafts />}
        {key === "task/bloom" && <Bloom />}
        {key === "task/reply" && <Reply />}
        {key === "task/access" && <Access />}
        {here.place === "fabric" && <Fabric />}
        {here.place === "console" && <Later corner={here.corner} />}
      </main>
      <Foot />
    </>
  );
}

const later = signal<typeof import("./console/console").Console | "lost" | undefined>(undefined);

/** The console, which is loaded when somebody first goes there. */
function Later({ corner }: { readonly corner: string }) {
  useEffect(() => {
    if (typeof later.value === "function") return;
    later.value = undefined;
    import("./console/console").then(
      ({ Console }) => {
        later.value = Console;
      },
      () => {
        later.value = "lost";
      },
    );
  }, []);
  const Console = later.value;
  if (typeof Console === "function") return <Console corner={corner} />;
  return (
    <>
      <h1 class="place-title">Console</h1>
      {Console === "lost" ? (
        <p class="empty" role="status">
          The console could not be loaded. Load the page again once the gateway answers.
        </p>
      ) : (
        <Skeleton slow={false} lines={6} />
      )}
    </>
  );
}

function Corners({ here }: { readonly here: Whereabouts }) {
  const corners = Object.entries(PLACES[here.place].corners);
  if (corners.length < 2) return null;
  return (
    <nav aria-label={`Within ${PLACES[here.place].name}`}>
      <ul class="corners">
        {corners.map(([corner, name]) => (
          <li key={corner}>
            <a href={address(here.place, corner)} aria-current={here.corner === corner ? "page" : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Foot() {
  const dialog = useRef<HTMLDialogElement>(null);
  const forget = () => {
    for (const asking of [evaluating, comparing, classifying, validating, deciding]) asking.clear();
    forgetEverything();
    dialog.current?.close();
  };
  return (
    <footer class="foot">
      <p>
        Your text is kept in this browser and nowhere else. It is sent to be read, and forgotten as soon as it was; no
        log holds a word of it.
      </p>
      <button type="button" class="button-quiet" onClick={() => dialog.current?.showModal()}>
        Forget my text
      </button>
      <dialog class="dialog" ref={dialog} aria-labelledby="forget-title">
        <h2 id="forget-title">Forget everything you wrote here?</h2>
        <p>Essay, drafts, reflection, task and reply are removed from this browser. This cannot be undone.</p>
        <div class="actions">
          <button type="button" class="button" onClick={forget}>
            Forget it
          </button>
          <button type="button" class="button-quiet" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
        </div>
      </dialog>
    </footer>
  );
}
