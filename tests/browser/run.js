// Runs the browser tests against the real binary, one file after the other: each starts a fabric of its own. Where
// something is missing it says so; with CI set, that is a failure.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, env, execPath, exit, stdout } from "node:process";
import { missing, root } from "./tools.js";

const absent = missing();
if (absent.length > 0) {
  stdout.write(`skipped: the browser tests, for want of ${absent.join(", ")}\n`);
  exit(env.CI ? 1 : 0);
}

const folder = join(root, "tests", "browser");
const chosen = argv.slice(2);
const files = readdirSync(folder)
  .filter((file) => file.endsWith(".test.js") && (chosen.length === 0 || chosen.some((name) => file.startsWith(name))))
  .map((file) => join(folder, file));
const tests = spawn(execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files], {
  stdio: "inherit",
});
tests.on("exit", (code) => exit(code ?? 1));
