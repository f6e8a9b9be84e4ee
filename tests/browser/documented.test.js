// The lines of docs/gateway.md, run as they stand there, against a fabric on a port of its own. A comment "# → text"
// at the end of a block is what the lines must print.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { environment, startFabric } from "./fabric.js";
import { binary, path, root } from "./tools.js";

const run = promisify(execFile);
const guide = readFileSync(join(root, "docs", "gateway.md"), "utf8");
const blocks = [...guide.matchAll(/^#+ (.+)$|^```sh\n([\s\S]*?)^```$/gm)];

describe("docs/gateway.md", () => {
  let fabric;

  before(async () => {
    fabric = await startFabric();
  });

  after(async () => {
    await fabric?.stop();
  });

  let heading = "";
  let tested = 0;
  for (const [, title, lines] of blocks) {
    if (title) {
      heading = title;
      continue;
    }
    const expected = [...lines.matchAll(/^# → (.+)$/gm)].map(([, text]) => text);
    if (expected.length === 0) continue;
    tested++;
    it(heading, async () => {
      const tools = [dirname(binary()), join(root, "web", "node_modules", ".bin"), path].join(delimiter);
      const layers = {
        LYCEUM_DATA: fabric.data,
        LYCEUM_CONSUL__ADDRESS: new URL(fabric.up.consul).host,
      };
      const script = lines.replaceAll("127.0.0.1:8080", new URL(fabric.page).host);
      const { stdout, stderr } = await run("bash", ["-euo", "pipefail", "-c", script], {
        cwd: root,
        env: { ...environment(), ...layers, PATH: tools },
      });
      for (const text of expected) assert.ok(stdout.includes(text), `"${text}" is not in\n${stdout}\n${stderr}`);
    });
  }

  it("has lines to run", () => assert.ok(tested > 8, `${tested} blocks`));
});
