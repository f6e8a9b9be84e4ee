// grpc-web through Lyceum's gateway and through Envoy, in one run, to the same instance with the same certificates.
//
// A real fabric is started by `lyceum up`; Envoy gets its grpc_web filter and the operator's certificate. wrk sends
// unary ClassifyBloom calls over HTTP/1.1 keep-alive, 50 connections, in alternating rounds. What counts is the CPU
// time of each process per request (/proc/PID/stat) and its memory: wall time on a shared machine says little. Both
// are checked to answer rightly before anything is measured, because wrk does not look at grpc-status.
//
// Run with `make bench-gateway`. Needs wrk and Envoy, which `make setup-bench` brings.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROUNDS = 5;
const SECONDS = 5;
const CONNECTIONS = 50;
const METHOD = "/lyceum.ai_validator.v1.EducationalAiValidatorService/ClassifyBloom";
const TASK = "Compare the two accounts of the siege and judge which of them is the more reliable source of all.";

const binary = process.env.LYCEUM_BINARY ?? "target/release/lyceum";
const envoy = process.env.ENVOY ?? ".tools/bin/envoy";
const folder = mkdtempSync(join(tmpdir(), "lyceum-bench-"));
const children = [];
// What configures this benchmark is not the fabric's configuration.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LYCEUM_")));

/** A child that is ended with this process. */
function start(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: environment });
  children.push(child);
  return child;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A gRPC message around ClassifyBloomRequest { task }. */
function body() {
  const task = Buffer.from(TASK);
  const message = Buffer.concat([Buffer.from([0x0a, task.length]), task]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

function envoyConfiguration(port, upstream, operator) {
  const file = (path) => ({ filename: path });
  return {
    static_resources: {
      listeners: [{
        address: { socket_address: { address: "127.0.0.1", port_value: port } },
        filter_chains: [{ filters: [{
          name: "envoy.filters.network.http_connection_manager",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix: "edge",
            codec_type: "AUTO",
            route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "service", timeout: "10s" } }] }] },
            http_filters: [
              { name: "envoy.filters.http.grpc_web", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb" } },
              { name: "envoy.filters.http.router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
            ],
          },
        }] }],
      }],
      clusters: [{
        name: "service",
        type: "STATIC",
        connect_timeout: "2s",
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: { cluster_name: "service", endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: {
          address: upstream.split(":")[0], port_value: Number(upstream.split(":")[1]) } } } }] }] },
        transport_socket: {
          name: "envoy.transport_sockets.tls",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            common_tls_context: {
              alpn_protocols: ["h2"],
              tls_certificates: [{ certificate_chain: file(operator.certificate), private_key: file(operator.key) }],
              validation_context: { trusted_ca: file(operator.roots) },
            },
          },
        },
      }],
    },
  };
}

/** CPU time of a process in microseconds, and its memory in MB. */
function usage(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
  return { cpu: ticks * 10_000, memory };
}

async function check(name, port, request) {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${METHOD}`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
        body: request,
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 200 && bytes.includes("grpc-status:0")) return;
      throw new Error(`${answer.status}: ${bytes.subarray(-200).toString()} ${answer.headers.get("grpc-message")}`);
    } catch (error) {
      if (Date.now() > until) throw new Error(`${name} does not answer: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function load(port, script, pid) {
  const before = usage(pid);
  const output = execFileSync("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "--latency", "-s", script, `http://127.0.0.1:${port}${METHOD}`], { encoding: "utf8" });
  const after = usage(pid);
  const requests = Number(/(\d+) requests in/.exec(output)[1]);
  const milliseconds = (text) => (text.endsWith("us") ? Number.parseFloat(text) / 1000 : text.endsWith("ms") ? Number.parseFloat(text) : Number.parseFloat(text) * 1000);
  return {
    rate: requests / SECONDS,
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(output)[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(output)[1]),
    cpu: (after.cpu - before.cpu) / requests,
    memory: after.memory,
    errors: /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? "0",
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function main() {
  const up = start(binary, ["up", "--consul", "own", "--gateway-port", "0", "--data", folder, "--json"]);
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: up.stdout }).once("line", resolve);
    up.once("exit", () => reject(new Error("the fabric did not start")));
  });
  const fabric = JSON.parse(line);
  const gatewayPort = Number(new URL(fabric.page).port);
  const gateway = fabric.processes.find((process) => process.name === "gateway");
  const service = fabric.processes.find((process) => process.name === "ai-validator");

  const port = await freePort();
  const configuration = join(folder, "envoy.json");
  writeFileSync(configuration, JSON.stringify(envoyConfiguration(port, service.address, fabric.operator)));
  const peer = start(envoy, ["-c", configuration, "--concurrency", "2", "-l", "error", "--use-dynamic-base-id"]);

  const request = body();
  const script = join(folder, "post.lua");
  const escaped = [...request].map((byte) => `\\${byte}`).join("").replace(/\\(\d{1,3})/g, (_, digits) => `\\${digits.padStart(3, "0")}`);
  writeFileSync(script, `wrk.method = "POST"\nwrk.headers["content-type"] = "application/grpc-web+proto"\nwrk.headers["x-grpc-web"] = "1"\nwrk.body = "${escaped}"\n`);
  await check("the gateway", gatewayPort, request);
  await check("Envoy", port, request);

  const rows = { "lyceum gateway": [], "envoy 1.40, 2 workers": [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = load(gatewayPort, script, gateway.pid);
    const theirs = load(port, script, peer.pid);
    // The first round warms up.
    if (round > 0) {
      rows["lyceum gateway"].push(ours);
      rows["envoy 1.40, 2 workers"].push(theirs);
    }
  }
  console.log(`unary grpc-web over HTTP/1.1, ${CONNECTIONS} connections, ${request.length}-byte body, mTLS upstream; medians of ${ROUNDS} alternating rounds of ${SECONDS} s`);
  console.log("system                    req/s   p50 ms   p99 ms   CPU µs/req   RSS MB   errors");
  for (const [name, results] of Object.entries(rows)) {
    const of = (key) => median(results.map((result) => Number(result[key])));
    console.log(`${name.padEnd(22)} ${of("rate").toFixed(0).padStart(8)} ${of("p50").toFixed(2).padStart(8)} ${of("p99").toFixed(1).padStart(8)} ${of("cpu").toFixed(1).padStart(12)} ${of("memory").toFixed(1).padStart(8)} ${String(of("errors")).padStart(8)}`);
  }
  const ratios = rows["lyceum gateway"].map((ours, index) => ours.cpu / rows["envoy 1.40, 2 workers"][index].cpu);
  console.log(`CPU ratio, gateway ÷ Envoy, round by round: median ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`);
}

function end(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", resolve);
    child.kill("SIGTERM");
  });
}

try {
  await main();
} finally {
  for (const child of children.reverse()) await end(child);
  rmSync(folder, { recursive: true, force: true });
}
