// What is measured against: a real fabric by `lyceum up`, a probe in a process of its own beside it, and Envoy with the
// operator's certificate before the very same instances. All are children, ended by process id.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { configuration } from "./envoy.mjs";

const BUILT = process.env.LYCEUM_BUILT ?? "target/release";
const ENVOY = process.env.ENVOY ?? ".tools/bin/envoy";

/** The number of the option google.api.http. */
const HTTP_RULE = 72295728;

// The page's own, so that there is one lock file.
const packages = createRequire(join(process.cwd(), "web", "package.json"));
const children = [];
// What configures this benchmark is not the fabric's configuration.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LYCEUM_")));

export const folder = mkdtempSync(join(tmpdir(), "lyceum-bench-"));

/** A child that is ended with this process. */
function start(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: environment });
  children.push(child);
  return child;
}

/** Runs the binary to its end. */
export function lyceum(args, input) {
  return execFileSync(join(BUILT, "lyceum"), args, { encoding: "utf8", input, env: environment });
}

/** Resolves with the first line that `pick` makes something of. */
function line(child, pick) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const found = pick(text);
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${child.spawnfile} ended with ${code}`)));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts everything; answers both edges as `{ name, pid, port }`, and the fabric. */
export async function begin() {
  const layers = ["--data", folder, "--set", "gateway.connections=20000"];
  const up = start(join(BUILT, "lyceum"), ["up", "--consul", "own", "--gateway-port", "0", "--json", ...layers]);
  const fabric = await line(up, (text) => text.includes('"page"') && JSON.parse(text));
  const consul = `consul.address=${new URL(fabric.consul).host}`;
  // More than the usual limits, so that ten thousand streams can be held open.
  lyceum(["policy", "set", "testing", "-", "--set", consul], "[serving]\nlimit_min = 20000\nlimit_initial = 20000\nlimit_max = 20000\nstreams = 20000\n");
  const probe = start(join(BUILT, "examples", "probe"), []);
  probe.stdin.write(`${JSON.stringify([consul, `data=${folder}`, "serving.streams=10000"])}\n`);
  const [, probeAddress] = await line(probe, (text) => /lyceum-probe serving (\S+) (\S+)/.exec(text)?.slice(1));

  const services = {
    "lyceum.ai_validator.v1.EducationalAiValidatorService": fabric.processes.find(({ name }) => name === "ai-validator").address,
    "lyceum.testing.v1.ProbeService": probeAddress,
  };
  const contracts = descriptors();
  const envoy = async (workers) => {
    const port = await freePort();
    const file = join(folder, `envoy-${port}.json`);
    writeFileSync(file, JSON.stringify(configuration(port, services, fabric.operator, contracts)));
    const { pid } = start(ENVOY, ["-c", file, "--concurrency", String(workers), "-l", "error", "--use-dynamic-base-id"]);
    return { name: `Envoy 1.40, ${workers} ${workers === 1 ? "worker" : "workers"}`, pid, port };
  };
  return {
    ours: { name: "Lyceum's gateway", pid: fabric.processes.find(({ name }) => name === "gateway").pid, port: Number(new URL(fabric.page).port) },
    theirs: await envoy(2),
    envoy,
  };
}

/** The contracts, as Envoy's transcoder reads them: it refuses some of their REST rules, and maps methods without. */
function descriptors() {
  const file = join(folder, "contracts.binpb");
  execFileSync("node", ["web/node_modules/@bufbuild/buf/bin/buf", "build", "--as-file-descriptor-set", "-o", file]);
  const { fromBinary, toBinary } = packages("@bufbuild/protobuf");
  const { FileDescriptorSetSchema } = packages("@bufbuild/protobuf/wkt");
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(file));
  for (const { options } of set.file.flatMap(({ service }) => service).flatMap(({ method }) => method)) {
    if (options?.$unknown) options.$unknown = options.$unknown.filter(({ no }) => no !== HTTP_RULE);
  }
  writeFileSync(file, toBinary(FileDescriptorSetSchema, set));
  return file;
}

/** Everything that runs for the benchmark goes to one processor, but for `edges`, which have the other to themselves. */
export function keepApart(edges) {
  const all = execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const family = [process.pid];
  for (const parent of family) family.push(...all.filter(([, above]) => above === parent).map(([pid]) => pid));
  for (const pid of family) pin(pid, edges.some((edge) => edge.pid === pid) ? "0" : "1");
  return () => {
    for (const pid of family) pin(pid, "0,1");
  };
}

function pin(pid, processors) {
  try {
    execFileSync("taskset", ["-a", "-c", "-p", processors, String(pid)], { stdio: "ignore" });
  } catch {
    // It ended meanwhile.
  }
}

/** Ends every child and removes what they kept. */
export async function end() {
  for (const child of children.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  }
  rmSync(folder, { recursive: true, force: true });
}
