// The console: every method that the services reflect, a form made of its type, the call, and what came of it.

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Skeleton } from "../elements/answer";
import { forgotten } from "../keeping";
import { address } from "../routing";
import { MethodPanel } from "./method";
import { known, learn, type Method } from "./schema";
import "../style/console.css";

const wanted = signal("");

const found = computed(() => {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  return known.value.services
    .map((service) => ({
      service,
      methods: service.methods.filter(({ name, service, comment }) => {
        const all = `${service}/${name} ${comment}`.toLowerCase();
        return words.every((word) => all.includes(word));
      }),
    }))
    .filter(({ methods }) => methods.length > 0);
});

/** The place; `corner` is `package.Service/Method`, or nothing. */
export function Console({ corner }: { readonly corner: string }) {
  useEffect(() => {
    const looking = new AbortController();
    void learn(looking.signal);
    return () => looking.abort();
  }, []);
  const { state, services, types } = known.value;
  const method = services.flatMap(({ methods }) => methods).find(({ path }) => path.slice(1) === corner);
  return (
    <div class="console">
      <h1>Console</h1>
      {state === "loading" && <Skeleton slow={false} lines={6} />}
      {state === "refused" && (
        <p class="empty">
          The gateway shows its contracts to operators alone: sign in as an administrator or educator, or open this page
          on the machine that the gateway runs on.
        </p>
      )}
      {state === "lost" && (
        <p class="console-lost" role="status">
          The gateway does not answer. Asking again each ten seconds; what is shown may be old.
        </p>
      )}
      {state === "known" && services.length === 0 && (
        <p class="empty">
          No service has told its types yet. They appear here as soon as one does: start one with{" "}
          <code>lyceum serve writing-analysis</code>.
        </p>
      )}
      {services.length > 0 && (
        <div class="console-body">
          <nav class="console-methods" aria-label="Methods">
            <label class="console-find">
              <span>Find a method</span>
              <input
                class="console-input"
                type="search"
                value={wanted.value}
                onInput={({ currentTarget }) => {
                  wanted.value = currentTarget.value;
                }}
              />
            </label>
            <MethodList chosen={method} />
          </nav>
          {method ? (
            <MethodPanel key={`${method.path} ${forgotten.value}`} method={method} types={types} />
          ) : (
            <p class="empty console-choose">
              {corner === "" ? "Choose a method to call it." : `No service tells of ${corner}. Choose another method.`}
            </p>
          )}
        </div>
      )}
    </div>
  );
}

function MethodList({ chosen }: { readonly chosen: Method | undefined }) {
  if (found.value.length === 0) return <p class="hint">No method says all of that.</p>;
  return (
    <ul class="console-services">
      {found.value.map(({ service, methods }) => (
        <li key={service.name}>
          <h2 title={service.name}>{service.name.split(".").at(-1)}</h2>
          <p class="hint">{service.name.split(".").slice(0, -1).join(".")}</p>
          <ul>
            {methods.map(({ name, path, serverStreaming, clientStreaming, deprecated }) => (
              <li key={path}>
                <a
                  href={address("console", path.slice(1))}
                  aria-current={path === chosen?.path ? "page" : undefined}
                  class={deprecated ? "console-old" : undefined}
                >
                  {name}
                  {(serverStreaming || clientStreaming) && <span class="console-mark">stream</span>}
                </a>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
