// A whole fabric for one test file: the real binary with a Consul of its own, on free ports, with a data folder that
// is removed afterwards. Everything it started is ended by it, by process id.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, kill } from "node:process";
import { createInterface } from "node:readline";
import { binary, path, root } from "./tools.js";
import { until } from "./waiting.js";

const STARTED_MS = 60_000;
const STOPPED_MS = 30_000;

/** Starts a fabric; `replicas` is a map from service to count, `settings` what is otherwise, as `section.key=value`. */
export async function startFabric(replicas = {}, settings = []) {
  const data = await mkdtemp(join(tmpdir(), "lyceum-browser-"));
  const counts = Object.entries(replicas).flatMap(([name, count]) => ["--replicas", `${name}=${count}`]);
  const sets = settings.flatMap((setting) => ["--set", setting]);
  const layers = ["--data", data, ...counts, ...sets];
  const child = spawn(binary(), ["up", "--json", "--consul", "own", "--gateway-port", "0", ...layers], {
    cwd: root,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const fabric = new Fabric(child, data);
  try {
    await until(() => fabric.up || fabric.ended, "the fabric is up", STARTED_MS);
    if (!fabric.up) throw new Error(`lyceum up ended: ${fabric.said.join("\n")}`);
    return fabric;
  } catch (error) {
    await fabric.stop();
    throw error;
  }
}

/** This process's environment without what would configure the fabric: LYCEUM_… is configuration to the binary. */
export function environment() {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith("LYCEUM_") && !name.startsWith("CONSUL_"));
  return { ...Object.fromEntries(kept), PATH: path };
}

class Fabric {
  up;
  ended = false;
  /** Everything it printed, for a failure's message. */
  said = [];
  /** What happened since: died, restarted. */
  events = [];
  #child;
  #data;

  constructor(child, data) {
    this.#child = child;
    this.#data = data;
    child.on("exit", () => {
      this.ended = true;
    });
    createInterface({ input: child.stderr }).on("line", (line) => this.said.push(line));
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.said.push(line);
      if (!line.startsWith("{")) return;
      const object = JSON.parse(line);
      if (object.page) this.up = object;
      else this.events.push(object);
    });
  }

  /** The data folder, with the certificate authority. */
  get data() {
    return this.#data;
  }

  get page() {
    return this.up.page;
  }

  /** The processes of a service that live now. */
  processes(service) {
    const living = new Map(this.up.processes.map((process) => [process.pid, process]));
    for (const event of this.events) {
      if (event.event === "died") living.delete(event.pid);
      if (event.event === "restarted") living.set(event.pid, event);
    }
    return [...living.values()].filter(({ name }) => name === service);
  }

  /** Kills one process of the fabric, without a chance to say good-bye. */
  kill({ pid }) {
    kill(pid, "SIGKILL");
  }

  /** Lets one process of the fabric stand still, and go on. */
  suspend({ pid }) {
    kill(pid, "SIGSTOP");
  }

  resume({ pid }) {
    kill(pid, "SIGCONT");
  }

  /** What the gateway says of its services. */
  async services() {
    const answer = await fetch(new URL("/gateway/services", this.page));
    return (await answer.json()).services;
  }

  /** A token of somebody with this role, as `lyceum token` prints it. */
  token(role) {
    const { stdout, stderr } = spawnSync(binary(), ["token", "--role", role, "--data", this.#data, "--json"], {
      cwd: root,
      env: environment(),
      encoding: "utf8",
    });
    if (!stdout) throw new Error(stderr);
    return JSON.parse(stdout).token;
  }

  /** Drains everything, as Ctrl-C does, and removes what was kept. */
  async stop() {
    if (!this.ended) this.#child.kill("SIGINT");
    await until(() => this.ended, "the fabric has stopped", STOPPED_MS).catch((error) => {
      this.#child.kill("SIGKILL");
      throw error;
    });
    await rm(this.#data, { recursive: true, force: true });
  }
}
