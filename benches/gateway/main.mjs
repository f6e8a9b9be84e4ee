// The gateway beside Envoy, in one run, before the same instances with the same certificates.
//
//   node benches/gateway/main.mjs [CASE…]      unary capacity large stream json token idle neighbours   (all unless told)
//
// A real fabric is started by `lyceum up`, with its access log and metrics on; Envoy has its grpc_web and
// grpc_json_transcoder filters and no log. Rounds alternate, the first warms up. What counts is CPU time per request and
// memory: wall time on a shared machine says little. Run with `make bench-gateway`, which brings wrk, h2load and Envoy.

import { begin, end, folder, keepApart, lyceum } from "./fabric.mjs";
import { memory } from "./idling.mjs";
import { check, h2load, median, wrk } from "./load.mjs";
import { idle, json, slow, streamText, unary, unaryText } from "./messages.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 4);
const CONNECTIONS = 50;
const IDLE = 10_000;

/** Alternating rounds of several ways; prints a row each and the ratio of the first to the last. */
async function compare(title, ways, unit = "request") {
  for (const { edge, request } of ways) await check(edge, request, request.good);
  const results = ways.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, { run }] of ways.entries()) {
      const result = await run();
      if (round > 0) results[index].push(result);
    }
  }
  console.log(`\n${title}; medians of ${ROUNDS} alternating rounds`);
  console.log(`${"".padEnd(34)}   req/s   p50 ms   p99 ms  CPU µs/${unit.padEnd(8)} RSS MB  errors`);
  for (const [index, { name }] of ways.entries()) {
    const of = (key, digits) => median(results[index].map((result) => result[key])).toFixed(digits);
    const columns = [of("rate", 0).padStart(8), of("p50", 2).padStart(8), of("p99", 1).padStart(8)];
    console.log(`${name.padEnd(34)}${columns.join(" ")} ${of("cpu", 1).padStart(15)} ${of("memory", 1).padStart(7)} ${of("errors", 0).padStart(7)}`);
  }
  const last = results.at(-1);
  const ratio = (key) => {
    const all = results[0].map((result, round) => result[key] / last[round][key]);
    return `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)})`;
  };
  console.log(`first ÷ last, round by round: CPU ${ratio("cpu")}, throughput ${ratio("rate")}, p99 ${ratio("p99")}`);
  return results;
}

const overH1 = (edge, request, name = edge.name) => ({
  name,
  edge,
  request,
  run: () => wrk(edge, { ...request, connections: CONNECTIONS, seconds: SECONDS }),
});

const overH2 = (edge, request, scale) => ({ name: edge.name, edge, request, run: () => h2load(edge, { ...request, ...scale }) });

const cases = {
  async unary({ ours, theirs }) {
    const request = unary(100);
    await compare(`unary grpc-web over HTTP/1.1, ${CONNECTIONS} connections, 100-byte payload`, [overH1(ours, request), overH1(theirs, request)]);
  },

  // On two processors wrk and the instance take more of them than either edge: what an edge can carry shows where it has
  // one to itself.
  async capacity({ ours, envoy }) {
    const request = unary(100);
    const theirs = await envoy(1);
    const release = keepApart([ours, theirs]);
    await compare("the same, the edge alone on one processor, wrk and the instance on the other", [overH1(ours, request), overH1(theirs, request)]);
    release();
  },

  async large({ ours, theirs }) {
    for (const [size, scale] of [
      [10_240, { connections: 10, streams: 5, requests: 20_000 }],
      [1_048_576, { connections: 4, streams: 2, requests: 300 }],
    ]) {
      const request = unaryText(size);
      await compare(`unary grpc-web-text over HTTP/2, ${size / 1024} KB there and back`, [overH2(ours, request, scale), overH2(theirs, request, scale)]);
    }
  },

  async stream({ ours, theirs }) {
    const request = streamText(1000, 100);
    const scale = { connections: 8, streams: 2, requests: 200 };
    await compare("grpc-web-text over HTTP/2, a stream of 1,000 messages of 100 bytes", [overH2(ours, request, scale), overH2(theirs, request, scale)], "stream");
  },

  async json({ ours, theirs }) {
    const edges = [
      overH1(ours, json("/api", 100), "Lyceum's gateway, /api"),
      overH1(ours, json("", 100), "Lyceum's gateway, Connect"),
      overH1(theirs, json("", 100), "Envoy 1.40, grpc_json_transcoder"),
    ];
    await compare(`unary JSON over HTTP/1.1, ${CONNECTIONS} connections, 100-byte payload`, edges);
  },

  async token({ ours }) {
    const token = JSON.parse(lyceum(["token", "--role", "student", "--data", folder, "--json"])).token;
    const request = unary(100);
    const known = { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
    // A difference of some microseconds would be lost in what the processors do for others.
    const release = keepApart([ours]);
    const [withToken, without] = await compare("the same with a token that was seen before, the edge alone on one processor", [
      overH1(ours, known, "with a token"),
      overH1(ours, request, "without"),
    ]);
    release();
    const added = withToken.map((result, round) => result.cpu - without[round].cpu);
    console.log(`added by the token: ${median(added).toFixed(2)} µs CPU a call`);
  },

  async idle({ ours, theirs }) {
    console.log(`\n${IDLE} idle streams over HTTP/2`);
    for (const edge of [ours, theirs]) {
      const { each, before, during } = await memory(edge, idle(), IDLE);
      console.log(`${edge.name.padEnd(34)} ${each.toFixed(1)} KB a stream (${before.toFixed(1)} → ${during.toFixed(1)} MB)`);
    }
  },

  async neighbours({ ours, theirs }) {
    for (const edge of [ours, theirs]) {
      const request = unary(100);
      await check(edge, request, request.good);
      const quiet = [];
      const beside = [];
      for (let round = 0; round < ROUNDS; round++) {
        quiet.push(await wrk(edge, { ...request, connections: CONNECTIONS, seconds: SECONDS }));
        const release = await slowly(edge);
        beside.push(await wrk(edge, { ...request, connections: CONNECTIONS, seconds: SECONDS }));
        release();
      }
      const p99 = (results) => median(results.map((result) => result.p99));
      console.log(`\n${edge.name}: p99 ${p99(quiet).toFixed(2)} ms; beside 500 calls that wait for a slow instance and 200 slow readers ${p99(beside).toFixed(2)} ms: ${(p99(beside) / p99(quiet)).toFixed(2)} ×`);
    }
  },
};

/** 500 calls that take a minute, and 200 streams that nobody reads. */
async function slowly(edge) {
  const { connect } = await import("node:http2");
  const sessions = [];
  const open = (request, count, reads) => {
    for (let index = 0; index < count; index++) {
      if (index % 90 === 0) {
        const session = connect(`http://127.0.0.1:${edge.port}`);
        session.on("error", () => {});
        sessions.push(session);
      }
      const call = sessions.at(-1).request({ ":method": "POST", ":path": request.path, ...request.headers });
      call.on("error", () => {});
      if (reads) call.resume();
      call.end(request.body);
    }
  };
  open(slow(60_000), 500, true);
  open(streamText(1_000_000, 1000), 200, false);
  await Promise.all(sessions.map((session) => new Promise((resolve) => session.once("connect", resolve))));
  // What is measured is that they are there, not that they come.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  return () => {
    for (const session of sessions) session.destroy();
  };
}

const chosen = process.argv.slice(2);
for (const name of chosen) if (!cases[name]) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
try {
  const stage = await begin();
  for (const name of chosen.length > 0 ? chosen : Object.keys(cases)) await cases[name](stage);
} finally {
  await end();
}
