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
