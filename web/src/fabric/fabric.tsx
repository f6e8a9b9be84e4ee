// The fabric, live: a map for those who look, a table for those who read, and the calls this page made.

import { useEffect } from "preact/hooks";
import { Skeleton } from "../elements/answer";
import { Calls } from "./calls";
import { instanceCount, look, view } from "./gateway";
import { CallLog, ChangeLog } from "./logs";
import { FabricMap } from "./map";
import { InstanceTable } from "./table";

const STATUS: Record<string, string> = { serving: "Serving", degraded: "Degraded", not_serving: "Not serving" };

export function Fabric() {
  useEffect(() => {
    const looking = new AbortController();
    void look(looking.signal);
    return () => looking.abort();
  }, []);
  const { state, services, seenAt, status } = view.value;
  return (
    <div class="fabric">
      <div class="fabric-head">
        <h1>The fabric</h1>
        {state !== "loading" && (
          <p class="fabric-status" data-status={state === "lost" ? "lost" : status}>
            <span class="still" aria-hidden="true" />
            {state === "lost"
              ? `The gateway does not answer${seenAt > 0 ? `; last seen ${time(seenAt)}` : ""}. Asking each second.`
              : `${STATUS[status] ?? "Serving"}: ${services.length} services, ${instanceCount.value} instances`}
          </p>
        )}
      </div>
      {state === "loading" && <Skeleton slow={false} lines={6} />}
      {state === "live" && services.length === 0 && (
        <p class="empty">
          The gateway knows no service yet. Start one with <code>lyceum serve writing-analysis</code>, and it appears
          here.
        </p>
      )}
      {services.length > 0 && (
        <div class={state === "lost" ? "fabric-body fabric-lost" : "fabric-body"}>
          <FabricMap services={services} />
          <InstanceTable services={services} />
        </div>
      )}
      <Calls />
      <div class="fabric-logs">
        <CallLog />
        <ChangeLog />
      </div>
    </div>
  );
}

function time(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}
