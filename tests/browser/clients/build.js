// Builds the page of all clients: messages out of the contract, everything bundled into one script.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { execPath } from "node:process";
import { pathToFileURL } from "node:url";
import { root } from "../tools.js";

const web = join(root, "web");
const folder = join(root, "tests", "browser", "clients");

function generate() {
  const buf = join(web, "node_modules", "@bufbuild", "buf", "bin", "buf");
  const unread = ["buf.validate", "google.api", "lyceum.options.v1"].flatMap((name) => ["--exclude-type", name]);
  const probe = join("..", "proto", "lyceum", "testing");
  const what = ["--template", join(folder, "buf.gen.yaml"), "--path", probe, ...unread];
  const run = spawnSync(execPath, [buf, "generate", "..", ...what], { cwd: web, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`buf generate: ${run.stderr}`);
}

/** The script, as text. */
export async function script() {
  generate();
  const { build } = await import(pathToFileURL(createRequire(join(web, "package.json")).resolve("vite")).href);
  const { output } = await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    resolve: { alias: [{ find: /^([@a-z][^:]*)$/, replacement: "$1", customResolver: fromWeb }] },
    build: {
      write: false,
      minify: false,
      rollupOptions: { input: join(folder, "page.js"), output: { format: "es", codeSplitting: false } },
    },
  });
  return output[0].code;
}

/** Packages are the page's own, so that there is one lock file. */
async function fromWeb(source, _importer, options) {
  const found = await this.resolve(source, join(web, "package.json"), { ...options, skipSelf: true });
  return found?.id;
}
