// Services as rooms, instances as dots coloured by health, calls as they happen: each call that the gateway counted
// since its last answer travels once from the gateway to the instance that took it.

import { effect } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { validator, writing } from "../calling/clients";
import { SAMPLE_REFLECTION, SAMPLE_TASK } from "../desk/samples";
import { fresh, type Instance, type Service } from "./gateway";

/** One harmless call for each service that this page knows how to call. */
const CALLS: Record<string, () => Promise<unknown>> = {
  "lyceum.writing_analysis.v1.WritingAnalysisService": () => writing.evaluateReflection({ text: SAMPLE_REFLECTION }),
  "lyceum.ai_validator.v1.EducationalAiValidatorService": () => validator.classifyBloom({ task: SAMPLE_TASK }),
};

/** More travellers than this at once explain nothing; the count beside the dot says the rest. */
const MOST_TRAVELLERS = 6;

interface Line {
  readonly id: string;
  readonly path: string;
}

export function FabricMap({ services }: { readonly services: readonly Service[] }) {
  const ground = useRef<HTMLDivElement>(null);
  const gate = useRef<HTMLDivElement>(null);
  const [lines, setLines] = useState<readonly Line[]>([]);
  const ids = services.flatMap(({ instances }) => instances.map(({ id }) => id)).join(" ");

  useLayoutEffect(() => {
    const measure = () => setLines(linesOf(ground.current, gate.current));
    measure();
    const observer = new ResizeObserver(measure);
    if (ground.current) observer.observe(ground.current);
    return () => observer.disconnect();
  }, [ids]);

  useLayoutEffect(
    () =>
      effect(() => {
        if (ground.current) travel(ground.current, fresh.value);
      }),
    [],
  );

  return (
    <section class="map" aria-label="Map of the fabric" ref={ground}>
      <svg class="map-lines" aria-hidden="true">
        {lines.map(({ id, path }) => (
          <path key={id} class="map-line" d={path} data-line={id} />
        ))}
        <g class="map-travellers" />
      </svg>
      <div class="map-gate" ref={gate}>
        <span class="map-gate-name">Gateway</span>
        <span class="faint">grpc-web</span>
      </div>
      <ul class="rooms">
        {services.map((service) => (
          <Room key={service.name} service={service} />
        ))}
      </ul>
    </section>
  );
}

function Room({ service }: { readonly service: Service }) {
  const call = service.methods.map((method) => CALLS[method]).find(Boolean);
  return (
    <li class="room">
      <div class="room-head">
        <h2>{service.name}</h2>
        {call && (
          <button
            type="button"
            class="button-quiet"
            onClick={() => {
              // What becomes of each is told by the log of calls.
              for (let count = 0; count < 10; count++) call().catch(() => undefined);
            }}
          >
            Send ten calls<span class="unseen"> to {service.name}</span>
          </button>
        )}
      </div>
      {service.breakers.map(({ method, state }) => (
        <p key={method} class="room-note">
          <HealthMark health={state === "open" ? "critical" : "warning"} /> Breaker {state}: {shortMethod(method)}
        </p>
      ))}
      {service.budget.spent > 0 && (
        <p class="room-note">
          Sent twice in the last seconds: {service.budget.spent} of at most {service.budget.allowed}
        </p>
      )}
      {service.instances.length === 0 && <p class="empty">No instance. Calls are refused until one registers.</p>}
      <ul class="dots">
        {service.instances.map((instance) => (
          <Dot key={instance.id} instance={instance} service={service.name} />
        ))}
      </ul>
    </li>
  );
}

function Dot({ instance, service }: { readonly instance: Instance; readonly service: string }) {
  const more = fresh.value.get(instance.id);
  const short = instance.id.startsWith(`${service}-`) ? instance.id.slice(service.length + 1) : instance.id;
  return (
    <li class="dot" data-health={instance.health} data-ejected={instance.ejected}>
      <HealthMark health={instance.ejected ? "critical" : instance.health} instance={instance.id} />
      <span class="dot-name">{short}</span>
      <span class="dot-health">
        {instance.ejected ? "ejected" : instance.health}
        {instance.inFlight > 0 && `, ${instance.inFlight} under way`}
      </span>
      <span class="dot-calls number">
        {instance.calls.toLocaleString("en")} {instance.calls === 1 ? "call" : "calls"}
      </span>
      <span class="dot-more" aria-hidden="true">
        {more ? `+${more}` : ""}
      </span>
    </li>
  );
}

/** `package.Service/Method` without what the room's name says already. */
function shortMethod(method: string): string {
  return method.slice(method.lastIndexOf("/") + 1);
}

/** Health in shape as well as colour. */
export function HealthMark({ health, instance }: { readonly health: string; readonly instance?: string }) {
  return (
    <svg class={`health health-${health}`} viewBox="0 0 16 16" aria-hidden="true" data-instance={instance}>
      {health === "passing" && <circle cx="8" cy="8" r="6" />}
      {health === "warning" && <path d="M8 2 15 14H1z" />}
      {health === "critical" && <path d="M2 5 5 2l3 3 3-3 3 3-3 3 3 3-3 3-3-3-3 3-3-3 3-3z" />}
    </svg>
  );
}

function linesOf(ground: HTMLElement | null, gate: HTMLElement | null): Line[] {
  if (!ground || !gate) return [];
  const box = ground.getBoundingClientRect();
  const from = gate.getBoundingClientRect();
  return [...ground.querySelectorAll<SVGElement>(".room [data-instance]")].map((dot) => {
    const to = dot.getBoundingClientRect();
    const [endX, endY] = [to.left + to.width / 2 - box.left, to.top + to.height / 2 - box.top];
    const beside = from.right <= to.left;
    if (!beside) {
      // Below each other: down the gutter, then in from the side, past every word.
      const gutter = from.left + 8 - box.left;
      const start = from.bottom - box.top;
      return { id: dot.dataset.instance ?? "", path: `M${gutter} ${start}V${endY - 8}q0 8 8 8H${endX}` };
    }
    const [startX, startY] = [from.right - box.left, from.top + from.height / 2 - box.top];
    const bend = `C${(startX + endX) / 2} ${startY} ${(startX + endX) / 2} ${endY}`;
    return { id: dot.dataset.instance ?? "", path: `M${startX} ${startY}${bend} ${endX} ${endY}` };
  });
}

function travel(ground: HTMLElement, calls: ReadonlyMap<string, number>): void {
  const group = ground.querySelector(".map-travellers");
  if (!group || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [id, count] of calls) {
    const line = ground.querySelector(`[data-line="${CSS.escape(id)}"]`);
    const path = line?.getAttribute("d");
    if (!path) continue;
    const travellers = Math.min(count, MOST_TRAVELLERS);
    for (let number = 0; number < travellers; number++) {
      const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      circle.setAttribute("class", "traveller");
      circle.setAttribute("r", "3.5");
      circle.style.offsetPath = `path("${path}")`;
      group.append(circle);
      const delay = (number / travellers) * 800;
      const journey = circle.animate([{ offsetDistance: "0%" }, { offsetDistance: "100%" }], {
        duration: 650,
        delay,
        fill: "both",
        easing: "ease-in-out",
      });
      journey.onfinish = () => circle.remove();
    }
  }
}
