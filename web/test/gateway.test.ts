import { describe, expect, it } from "vitest";
import { differences, newCalls, servicesOf } from "../src/fabric/gateway";

const answer = (...instances: unknown[]) => ({ services: [{ name: "writing-analysis", methods: ["x.Y"], instances }] });

describe("the gateway's answer", () => {
  it("is read, whatever is missing", () => {
    const [service] = servicesOf(
      answer(
        { id: "a", health: "passing", calls: 3, latency_ms: { p50: 1.5, p99: null }, later: true },
        { id: "b" },
        null,
      ),
    );
    expect(service?.instances[0]).toMatchObject({ id: "a", health: "passing", calls: 3, p50: 1.5, p99: undefined });
    expect(service?.instances[1]).toMatchObject({ id: "b", health: "critical", certificateExpires: undefined });
    expect(servicesOf("nonsense")).toEqual([]);
  });

  it("tells what happened between two looks", () => {
    const before = servicesOf(answer({ id: "a", health: "passing" }, { id: "b", health: "passing" }));
    const after = servicesOf(answer({ id: "a", health: "warning", note: "busy" }, { id: "c", health: "passing" }));
    expect(differences(before, after, 0, 4).map(({ number, instance, what }) => [number, instance, what])).toEqual([
      [5, "a", "went from passing to warning (busy)"],
      [6, "c", "joined"],
      [7, "b", "left"],
    ]);
  });

  it("tells who is ejected, how busy each is, and what is refused", () => {
    const told = {
      services: [
        {
          name: "writing-analysis",
          instances: [{ id: "a", ejected: true, ejections: 3, utilization: 0.25 }, { id: "b" }],
          breakers: [{ method: "w.W/Analyze", state: "open" }, { method: "w.W/Compare", state: "closed" }, 7],
          budget: { spent: 4, allowed: 100 },
        },
        { name: "older" },
      ],
    };
    const [service, older] = servicesOf(told);
    expect(service?.instances[0]).toMatchObject({ ejected: true, ejections: 3, load: 0.25 });
    expect(service?.instances[1]).toMatchObject({ ejected: false, ejections: 0, load: 0 });
    expect(service?.breakers).toEqual([{ method: "w.W/Analyze", state: "open" }]);
    expect(service?.budget).toEqual({ spent: 4, allowed: 100 });
    expect(older).toMatchObject({ breakers: [], budget: { spent: 0, allowed: 0 } });
  });

  it("tells when an instance is ejected, and when it is called again", () => {
    const fine = servicesOf(answer({ id: "a", health: "passing" }));
    const out = servicesOf(answer({ id: "a", health: "passing", ejected: true }));
    expect(differences(fine, out, 0, 0)).toMatchObject([{ instance: "a", health: "ejected" }]);
    expect(differences(out, out, 0, 0)).toEqual([]);
    expect(differences(out, fine, 0, 0)).toMatchObject([{ instance: "a", health: "readmitted" }]);
  });

  it("counts calls since the look before, also of an instance that began anew", () => {
    const before = servicesOf(answer({ id: "a", calls: 10 }, { id: "b", calls: 9 }));
    const after = servicesOf(answer({ id: "a", calls: 12 }, { id: "b", calls: 4 }, { id: "c", calls: 1 }));
    expect([...newCalls(before, after)]).toEqual([
      ["a", 2],
      ["b", 4],
      ["c", 1],
    ]);
  });
});
