// What people type: buf curl in three tongues, curl for JSON and streams, grpcurl through the gateway. The same method
// each time, against the real binary.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { startFabric } from "./fabric.js";
import { startProbe } from "./probe.js";
import { path, program, root } from "./tools.js";

const run = promisify(execFile);
const PROBE = "lyceum.testing.v1.ProbeService";
const VALIDATOR = "lyceum.ai_validator.v1.EducationalAiValidatorService";

describe("commands", () => {
  let fabric;
  let probe;
  let base;
  let token;

  before(async () => {
    fabric = await startFabric();
    base = new URL(fabric.page).origin;
    probe = await startProbe(fabric);
    token = fabric.token("student");
  });

  after(async () => {
    await probe?.stop();
    await fabric?.stop();
  });

  const buf = async (...args) => {
    const file = join(root, "web", "node_modules", "@bufbuild", "buf", "bin", "buf");
    const { stdout } = await run(process.execPath, [file, "curl", ...args], { cwd: root });
    // One object after the other, each over several lines.
    return stdout
      .trim()
      .split(/\n(?=\{)/)
      .map((object) => JSON.parse(object));
  };
  const curl = async (...args) => (await run(program("curl"), ["-sS", ...args])).stdout;
  const grpcurl = async (...args) => {
    const { stdout } = await run(program("grpcurl"), ["-plaintext", ...args], { env: { ...process.env, PATH: path } });
    return stdout;
  };

  for (const [protocol, flags] of Object.entries({
    grpcweb: [],
    connect: [],
    grpc: ["--http2-prior-knowledge"],
  })) {
    const asked = (url, data) => ["--schema", ".", "--protocol", protocol, ...flags, "-d", data, url];

    it(`buf curl speaks ${protocol}`, async () => {
      const [answer] = await buf(...asked(`${base}/${PROBE}/GetProbe`, '{"payload":"aGVsbG8="}'));
      assert.equal(answer.payload, "aGVsbG8=");
    });

    it(`buf curl asks the gateway for the types over ${protocol}`, async () => {
      const url = `${base}/${PROBE}/GetProbe`;
      const types = ["--protocol", protocol, "--http2-prior-knowledge"];
      const [answer] = await buf(...types, "-d", '{"payload":"aGVsbG8="}', url);
      assert.equal(answer.payload, "aGVsbG8=");
    });

    it(`buf curl streams over ${protocol}`, async () => {
      const answers = await buf(...asked(`${base}/${PROBE}/WatchProbe`, '{"count":3}'));
      assert.deepEqual(
        answers.map(({ sequence }) => Number(sequence ?? 0)),
        [0, 1, 2],
      );
    });

    it(`buf curl reads an error over ${protocol}`, async () => {
      const failing = buf(...asked(`${base}/${PROBE}/GetProbe`, '{"failWith":5}'));
      await assert.rejects(failing, ({ stderr }) => {
        assert.equal(JSON.parse(stderr).code, "not_found");
        return true;
      });
    });
  }

  it("curl posts JSON, with a token where a role is asked for", async () => {
    const url = `${base}/api/writing-analysis/EvaluateReflection`;
    const data = ["-H", "content-type: application/json", "-d", '{"text":"I learnt that I had been wrong."}'];
    const refused = JSON.parse(await curl(url, ...data));
    assert.equal(refused.code, 16, "UNAUTHENTICATED");
    const answer = JSON.parse(await curl(url, ...data, "-H", `authorization: Bearer ${token}`));
    assert.match(answer.level, /^REFLECTION_LEVEL_/);
  });

  it("curl reads a stream, as lines and as events", async () => {
    const url = `${base}/api/${PROBE}/WatchProbe`;
    const data = ["-H", "content-type: application/json", "-d", '{"count":3}'];
    const lines = (await curl(url, ...data)).trim().split("\n");
    assert.equal(lines.length, 3);
    const events = await curl(url, ...data, "-H", "accept: text/event-stream");
    assert.equal(events.match(/^data: /gm).length >= 3, true);
  });

  it("grpcurl finds and calls methods through the gateway", async () => {
    const address = new URL(base).host;
    const listed = await grpcurl(address, "list");
    assert.ok(listed.split("\n").includes(PROBE) && listed.split("\n").includes(VALIDATOR), listed);
    const answer = JSON.parse(await grpcurl("-d", '{"payload":"aGVsbG8="}', address, `${PROBE}/GetProbe`));
    assert.equal(answer.payload, "aGVsbG8=");
    const refused = grpcurl("-d", '{"reply":"x y"}', address, `${VALIDATOR}/ValidateAssistance`);
    await assert.rejects(refused, ({ stderr }) => /Unauthenticated/.test(stderr));
  });
});
