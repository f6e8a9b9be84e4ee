// Load by wrk and h2load, which do not look at grpc-status: what they send is checked to be answered rightly before.
// What counts is the CPU time of the edge's process per request (/proc/PID/stat), and its memory.

import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder } from "./fabric.mjs";

/** CPU time of a process in microseconds, and its memory in MB. */
export function usage(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
  return { cpu: ticks * 10_000, memory };
}

/** Runs a program to its end; answers what it printed. */
function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}: ${text}`))));
  });
}

const milliseconds = (text) => {
  const number = Number.parseFloat(text);
  if (text.endsWith("us")) return number / 1000;
  return text.endsWith("ms") ? number : number * 1000;
};

/** HTTP/1.1 keep-alive for `seconds`. */
export async function wrk({ port, pid }, { path, headers, body, connections, seconds }) {
  const script = join(folder, `load-${port}.lua`);
  const lua = [`wrk.method = "POST"`, ...Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)];
  const escaped = [...body].map((byte) => `\\${String(byte).padStart(3, "0")}`).join("");
  writeFileSync(script, `${lua.join("\n")}\nwrk.body = "${escaped}"\n`);
  const before = usage(pid);
  const url = `http://127.0.0.1:${port}${path}`;
  const said = await output("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url]);
  const after = usage(pid);
  const requests = Number(/(\d+) requests in/.exec(said)[1]);
  return {
    rate: requests / seconds,
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(said)[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(said)[1]),
    cpu: (after.cpu - before.cpu) / requests,
    memory: after.memory,
    errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(said)?.[1] ?? 0),
  };
}

/** HTTP/2 without TLS: `requests` of them, some at a time. */
export async function h2load({ port, pid }, { path, headers, body, connections, streams, requests }) {
  const file = join(folder, `load-${port}.bin`);
  writeFileSync(file, body);
  const before = usage(pid);
  const given = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const scale = [`-n${requests}`, `-c${connections}`, `-m${streams}`, "-w22", "-W24"];
  const log = join(folder, `load-${port}.log`);
  rmSync(log, { force: true });
  const said = await output("h2load", [...scale, "-d", file, "--log-file", log, ...given, `http://127.0.0.1:${port}${path}`]);
  const after = usage(pid);
  // A line a request: when it began, its status, how long it took in microseconds.
  const took = readFileSync(log, "utf8").trim().split("\n").map((line) => Number(line.split("\t")[2]) / 1000).sort((a, b) => a - b);
  return {
    rate: Number(/([\d.]+) req\/s/.exec(said)[1]),
    p50: took[Math.floor(took.length * 0.5)],
    p99: took[Math.floor(took.length * 0.99)],
    cpu: (after.cpu - before.cpu) / requests,
    memory: after.memory,
    errors: requests - Number(/(\d+) 2xx/.exec(said)[1]),
  };
}

/** Waits until the edge answers a request as `good` likes it. */
export async function check({ name, port }, { path, headers, body }, good) {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 200 && good(bytes)) return;
      throw new Error(`${answer.status} ${answer.headers.get("grpc-message")}: ${bytes.subarray(-200)}`);
    } catch (error) {
      if (Date.now() > until) throw new Error(`${name} does not answer ${path}: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
