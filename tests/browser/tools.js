// What the browser tests need from this machine: the binary, Chromium, a Consul. The packages are the page's own
// (web/node_modules), so that there is one lock file.

import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = resolve(fileURLToPath(import.meta.url), "../../..");

const fromPage = createRequire(join(root, "web", "package.json"));

/** What is on PATH comes before what `make setup` brought. */
export const path = [env.PATH, join(root, ".tools", "bin")].filter(Boolean).join(delimiter);

/** The first program of this name; undefined where there is none. */
export function program(name) {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** The binary under test: as told, else what was built last. */
export function binary() {
  const told = env.LYCEUM_BIN ?? env.LYCEUM_BINARY;
  if (told) return resolve(told);
  const built = env.CARGO_TARGET_DIR ? resolve(root, env.CARGO_TARGET_DIR) : join(root, "target");
  return ["release", "debug"].map((profile) => join(built, profile, "lyceum")).find((file) => existsSync(file));
}

/** What is missing to run, in words; empty when nothing is. */
export function missing() {
  const file = binary();
  return [
    file && existsSync(file) ? "" : `the binary${file ? ` at ${file}` : ""} (cargo build -p lyceum-cli)`,
    program("chromium") ? "" : "chromium on PATH (make setup)",
    program("consul") ? "" : "consul on PATH (make setup)",
    existsSync(join(root, "web", "dist", "index.html")) ? "" : "the built page (npm run build in web/)",
  ].filter(Boolean);
}

/** The driver of the browser. */
export const { chromium } = fromPage("playwright-core");

/** The source of axe-core, to be run inside a page. */
export const axeSource = readFileSync(fromPage.resolve("axe-core/axe.min.js"), "utf8");
