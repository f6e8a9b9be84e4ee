import { describe, expect, it } from "vitest";
import { counted, type Traffic } from "../src/fabric/traffic";

const nothing: Traffic = { state: "waiting", all: undefined, methods: [], seconds: [] };
const told = (calls: number, failed: number) => ({
  seconds: 10,
  all: { in_flight: 1, calls, errors: { UNAVAILABLE: failed }, latency_ms: {}, recent: { calls, per_second: 1.5 } },
  methods: {
    "a.B/Quiet": { calls: 0, in_flight: 0 },
    "a.B/Rare": {
      calls: 9,
      in_flight: 0,
      recent: { calls: 1, errors: { INTERNAL: 1 }, latency_ms: { p50: 2, p99: 0 } },
    },
    "a.B/Often": { calls: 2, in_flight: 0, recent: { calls: 2 } },
  },
});

describe("the gateway's count of calls", () => {
  it("becomes seconds, counted from what was told before", () => {
    let traffic = counted(nothing, told(100, 3));
    expect(traffic.seconds).toEqual([{ calls: 0, errors: 0 }]);
    traffic = counted(traffic, told(107, 4));
    expect(traffic.seconds.at(-1)).toEqual({ calls: 7, errors: 1 });
    // A gateway that began anew counts from nothing.
    traffic = counted(traffic, told(2, 0));
    expect(traffic.seconds.at(-1)).toEqual({ calls: 0, errors: 0 });
    for (let second = 0; second < 70; second++) traffic = counted(traffic, told(2, 0));
    expect(traffic.seconds.length).toBe(60);
  });

  it("shows methods that are called, the busiest first", () => {
    const { methods, all } = counted(nothing, told(1, 0));
    expect(methods.map(({ method }) => method)).toEqual(["a.B/Often", "a.B/Rare"]);
    expect(methods[1]?.recent).toEqual({ perSecond: 0, calls: 1, errors: 1, p50: 2, p99: undefined });
    expect(all?.recent.perSecond).toBe(1.5);
    expect(counted(nothing, "nonsense").methods).toEqual([]);
  });
});
