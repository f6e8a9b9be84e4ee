// Calls through this gateway as they happen: the last minute as a chart, and how each method fares.

import { useEffect } from "preact/hooks";
import { milliseconds, percent } from "./table";
import { type Fared, listen, type Second, traffic } from "./traffic";

export function Calls() {
  useEffect(() => {
    const looking = new AbortController();
    listen(looking.signal);
    return () => looking.abort();
  }, []);
  const { state, all, methods, seconds } = traffic.value;
  if (state === "closed") return null;
  return (
    <section class="traffic" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Calls through this gateway</h2>
      {all ? <Now all={all} stale={state === "lost"} /> : <p class="hint">Waiting for the first count.</p>}
      {all && <Minute seconds={seconds} />}
      {methods.length > 0 && <Methods methods={methods} />}
      {all && methods.length === 0 && <p class="empty">Nobody has called yet. Calls appear here as they come.</p>}
    </section>
  );
}

function Now({ all, stale }: { readonly all: Fared; readonly stale: boolean }) {
  const { perSecond, p50, p99 } = all.recent;
  return (
    <p class="traffic-now">
      <span>
        <strong data-figure="rate">{perSecond.toFixed(1)}</strong> calls a second
      </span>
      <span>
        <strong>{percent(failing(all))}</strong> failed
      </span>
      <span>
        half within <strong>{milliseconds(p50)}</strong>, 99 % within <strong>{milliseconds(p99)}</strong>
      </span>
      <span>
        <strong>{all.inFlight}</strong> under way
      </span>
      {stale && <span class="faint">the gateway does not answer; these are the last figures</span>}
    </p>
  );
}

/** A bar a second, what failed at its foot. */
function Minute({ seconds }: { readonly seconds: readonly Second[] }) {
  const most = Math.max(5, ...seconds.map(({ calls }) => calls));
  const total = seconds.reduce((sum, { calls }) => sum + calls, 0);
  const label = `Calls in the last ${seconds.length} seconds: ${total}, at most ${most} in one`;
  const height = (count: number) => (count / most) * 30;
  return (
    <svg class="chart traffic-minute" role="img" aria-label={label} viewBox="0 0 120 32" preserveAspectRatio="none">
      <line class="axis" x1="0" x2="120" y1="31" y2="31" vector-effect="non-scaling-stroke" />
      {seconds.map(({ calls, errors }, index) => {
        const x = 120 - (seconds.length - index) * 2;
        return (
          // Seconds are told apart by nothing but their order.
          <g key={x}>
            <rect class="traffic-bar" {...{ x }} width="1.6" y={31 - height(calls)} height={height(calls)} />
            <rect class="traffic-wrong" {...{ x }} width="1.6" y={31 - height(errors)} height={height(errors)} />
          </g>
        );
      })}
    </svg>
  );
}

const COLUMNS = ["Method", "Calls a second", "Failed", "p50", "p99", "Under way", "Calls so far"];

// The roles are written out because at phone width the rows are laid out as cards, which would lose them.
function Methods({ methods }: { readonly methods: readonly Fared[] }) {
  return (
    <table class="instances" role="table" aria-label="Calls by method">
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map((name, index) => (
            <th key={name} scope="col" role="columnheader" class={index > 0 ? "number" : ""}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {methods.map((fared) => (
          <Row key={fared.method} fared={fared} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ fared }: { readonly fared: Fared }) {
  const { method, recent, inFlight, calls } = fared;
  const [service = "", name = method] = method.split("/");
  const cells = [
    recent.perSecond.toFixed(1),
    percent(failing(fared)),
    milliseconds(recent.p50),
    milliseconds(recent.p99),
    inFlight.toLocaleString("en"),
    calls.toLocaleString("en"),
  ];
  return (
    <tr role="row" data-method={method}>
      <th scope="row" role="rowheader">
        <span class="instance-id">{name}</span>
        {service !== method && <span class="faint instance-address">{service}</span>}
      </th>
      {cells.map((cell, index) => (
        <td key={COLUMNS[index + 1]} role="cell" class="number" data-label={COLUMNS[index + 1]}>
          {cell}
        </td>
      ))}
    </tr>
  );
}

function failing({ recent }: Fared): number {
  return recent.calls > 0 ? recent.errors / recent.calls : 0;
}
