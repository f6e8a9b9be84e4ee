// Writes the page's client below src/generated from the contracts, with buf and protoc-gen-es from node_modules.
//
// Why a script: the input rules (buf.validate) and who may call (lyceum.options) are enforced by the services, and REST's
// paths (google.api) are the gateway's; their descriptors would make the page a third larger, so they are left out of what is generated here. Why not in git: the
// contracts are the source.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const rules = join(web, "..", "target", "proto-modules", "protovalidate");
if (!existsSync(join(rules, "buf", "validate", "validate.proto"))) {
  console.error(`no buf/validate/validate.proto below ${rules}: run "make setup" first`);
  process.exit(1);
}

const services = ["writing_analysis", "ai_validator"];
const buf = join(web, "node_modules", "@bufbuild", "buf", "bin", "buf");
const run = spawnSync(
  process.execPath,
  [
    buf,
    "generate",
    "..",
    "--template",
    "buf.gen.yaml",
    "--exclude-type",
    "buf.validate",
    "--exclude-type",
    "lyceum.options.v1",
    "--exclude-type",
    "google.api",
    ...services.flatMap((name) => ["--path", join("..", "proto", "lyceum", name)]),
  ],
  { cwd: web, stdio: "inherit" },
);
process.exit(run.status ?? 1);
