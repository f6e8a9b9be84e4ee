// The probe, a service for tests, beside a fabric that `lyceum up` runs: a process of its own (examples/probe.rs) that
// announces itself in the same Consul with a certificate of the same authority.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "./fabric.js";
import { binary } from "./tools.js";
import { until } from "./waiting.js";

const MARK = "lyceum-probe ";
const SERVICE = "lyceum.testing.v1.ProbeService";

/** The program: built beside the binary under test, or as `LYCEUM_PROBE` tells. */
export function probeProgram() {
  const file = process.env.LYCEUM_PROBE ?? join(dirname(binary()), "examples", "probe");
  if (!existsSync(file)) throw new Error(`no ${file}: cargo build --features testing --example probe`);
  return file;
}

/** Starts a probe for `fabric` and waits until its gateway can call it. */
export async function startProbe(fabric) {
  const child = spawn(probeProgram(), { stdio: ["pipe", "pipe", "inherit"], env: environment() });
  const heard = new Map();
  let ended = false;
  child.on("exit", () => {
    ended = true;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [, words] = line.split(MARK);
    if (words) heard.set(words.split(" ")[0], words.split(" ").slice(1));
  });
  const flags = [`consul.address=${new URL(fabric.up.consul).host}`, `data=${fabric.data}`];
  child.stdin.write(`${JSON.stringify(flags)}\n`);
  await until(() => heard.has("serving") || ended, "the probe serves");
  if (ended) throw new Error("the probe ended");
  await until(
    async () => (await fabric.services()).some(({ methods }) => methods.includes(SERVICE)),
    "the gateway knows the probe",
  );
  return {
    /** How many of its calls were given up by their callers. */
    async abandoned() {
      heard.delete("abandoned");
      child.stdin.write("abandoned\n");
      await until(() => heard.has("abandoned"), "the probe answers");
      return Number(heard.get("abandoned")[0]);
    },
    async stop() {
      if (!ended) child.stdin.write("stop\n");
      await until(() => ended, "the probe has stopped").catch((error) => {
        child.kill("SIGKILL");
        throw error;
      });
    },
  };
}
