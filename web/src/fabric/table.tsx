// The same as the map, to read: every instance with what it reports and what this gateway's balancer measured.

import { Fragment } from "preact";
import type { Instance, Service } from "./gateway";
import { HealthMark } from "./map";

const COLUMNS = [
  "Instance",
  "Health",
  "Weight",
  "Load",
  "Calls",
  "Errors",
  "p50",
  "p99",
  "Version",
  "Certificate until",
];

// The roles are written out because at phone width the rows are laid out as cards, which would lose them.
export function InstanceTable({ services }: { readonly services: readonly Service[] }) {
  return (
    <table class="instances" role="table" aria-label="Instances">
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map((name) => (
            <th key={name} scope="col" role="columnheader" class={NUMBERS.has(name) ? "number" : ""}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {services.map(({ name, instances }) => (
          <Fragment key={name}>
            {instances.map((instance) => (
              <Row key={instance.id} instance={instance} />
            ))}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

const NUMBERS = new Set(["Weight", "Load", "Calls", "Errors", "p50", "p99"]);

function Row({ instance }: { readonly instance: Instance }) {
  const { id, address, health, note, weight, calls, errors, p50, p99, version, certificateExpires } = instance;
  const { ejected, ejections, inFlight, load } = instance;
  return (
    <tr role="row" data-instance={id} data-health={health} data-ejected={ejected}>
      <th scope="row" role="rowheader">
        <span class="instance-id">{id}</span>
        <span class="faint instance-address">{address}</span>
      </th>
      <td role="cell" data-label="Health">
        <span class="instance-health">
          <HealthMark health={health} /> {health}
        </span>
        {note && <span class="faint instance-note">{note}</span>}
        {ejected && (
          <span class="instance-ejected">
            <HealthMark health="critical" /> ejected
          </span>
        )}
        {ejections > 0 && <span class="faint instance-note">ejected {times(ejections)} so far</span>}
      </td>
      <td role="cell" class="number" data-label="Weight">
        {weight}
      </td>
      <td role="cell" class="number" data-label="Load">
        {percent(load)}
      </td>
      <td role="cell" class="number" data-label="Calls" title={inFlight > 0 ? `${inFlight} under way` : undefined}>
        {calls.toLocaleString("en")}
      </td>
      <td role="cell" class="number" data-label="Errors">
        {errors.toLocaleString("en")}
      </td>
      <td role="cell" class="number" data-label="p50">
        {milliseconds(p50)}
      </td>
      <td role="cell" class="number" data-label="p99">
        {milliseconds(p99)}
      </td>
      <td role="cell" data-label="Version">
        {version || "–"}
      </td>
      <td role="cell" data-label="Certificate until">
        {certificateExpires ? until(certificateExpires) : "–"}
      </td>
    </tr>
  );
}

/** A share of one, in whole hundredths. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count.toLocaleString("en")} times`;
}

/** A latency; a dash where nothing was measured. */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return "–";
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function until(date: string): string {
  const at = new Date(date);
  if (Number.isNaN(at.getTime())) return date;
  return at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}
