// Agents at the gateway, through the protocol's own client: @modelcontextprotocol/sdk lists, calls, follows, cancels.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startFabric } from "./fabric.js";
import { ESSAY } from "./texts.js";
import { root } from "./tools.js";
import { until } from "./waiting.js";

const fromPage = createRequire(join(root, "web", "package.json"));
const { Client } = fromPage("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = fromPage("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { CallToolResultSchema } = fromPage("@modelcontextprotocol/sdk/types.js");

describe("an agent", { timeout: 120_000 }, () => {
  let fabric;
  let headers;
  before(async () => {
    fabric = await startFabric();
    headers = { authorization: `Bearer ${fabric.token("student")}` };
  });
  after(async () => {
    await fabric?.stop();
  });

  const connect = async (own = headers) => {
    const client = new Client({ name: "lyceum-tests", version: "1.0.0" });
    const transport = new StreamableHTTPClientTransport(new URL("/mcp", fabric.page), {
      requestInit: { headers: own },
    });
    await client.connect(transport);
    return client;
  };
  /** Waits until the gateway has learnt the tools. */
  const tools = async (client) => {
    let tools = [];
    await until(async () => {
      ({ tools } = await client.listTools());
      return tools.some(({ name }) => name === "writing_analysis_analyze_draft");
    }, "the tools are known");
    return tools;
  };

  it("finds a tool for each method, with schemas and hints", async () => {
    const client = await connect();
    const all = await tools(client);
    assert.equal(client.getServerVersion().name, "lyceum");
    const tool = all.find(({ name }) => name === "educational_ai_validator_classify_bloom");
    assert.equal(tool.inputSchema.type, "object");
    assert.deepEqual(tool.inputSchema.required, ["task"]);
    assert.equal(tool.annotations.readOnlyHint, true);
    assert.match(tool.description, /Bloom/);
    for (const { name } of all) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
    await client.close();
  });

  it("gets answers that keep the schema, which the client checks", async () => {
    const client = await connect();
    await tools(client);
    const bloom = await client.callTool({
      name: "educational_ai_validator_classify_bloom",
      arguments: { task: "Compare the two accounts and judge which is more reliable." },
    });
    assert.match(bloom.structuredContent.level, /^BLOOM_LEVEL_/);
    assert.deepEqual(JSON.parse(bloom.content[0].text), bloom.structuredContent);
    const analysis = await client.callTool({ name: "writing_analysis_analyze_writing", arguments: { text: ESSAY } });
    assert.ok(analysis.structuredContent.measures.statistics.words > 50);
    await client.close();
  });

  it("reads what is wrong with its arguments", async () => {
    const client = await connect();
    await tools(client);
    const refused = await client.callTool({ name: "writing_analysis_analyze_writing", arguments: { text: "" } });
    assert.equal(refused.isError, true);
    const { error } = JSON.parse(refused.content[0].text);
    assert.deepEqual(
      [error.code, error.reason, error.violations[0].field],
      ["INVALID_ARGUMENT", "INPUT_INVALID", "text"],
    );
    await assert.rejects(client.callTool({ name: "no_such_tool", arguments: {} }), /-32602|no tool/);
    await client.close();
  });

  it("follows a stream by its progress", async () => {
    const client = await connect();
    await tools(client);
    const told = [];
    const answer = await client.callTool(
      { name: "writing_analysis_analyze_draft", arguments: { text: `${ESSAY}\n\n${ESSAY}` } },
      CallToolResultSchema,
      { onprogress: ({ progress, message }) => told.push([progress, message]) },
    );
    const { messages } = answer.structuredContent;
    assert.ok(messages.length > 2);
    assert.deepEqual(
      told.map(([progress]) => progress),
      messages.map((_, index) => index + 1),
    );
    await client.close();
  });

  it("cancels a call, and the next is answered", async () => {
    const client = await connect();
    await tools(client);
    const standing = fabric.processes("writing-analysis");
    for (const process of standing) fabric.suspend(process);
    try {
      const leaving = new AbortController();
      const call = client.callTool(
        { name: "writing_analysis_analyze_writing", arguments: { text: ESSAY } },
        CallToolResultSchema,
        { signal: leaving.signal },
      );
      const refused = assert.rejects(call);
      await until(async () => (await underWay(fabric)) > 0, "the call is under way");
      leaving.abort("changed its mind");
      await refused;
      await until(async () => (await underWay(fabric)) === 0, "the gateway has ended it");
    } finally {
      for (const process of standing) fabric.resume(process);
    }
    const next = await client.callTool({ name: "writing_analysis_analyze_writing", arguments: { text: ESSAY } });
    assert.ok(!next.isError);
    await client.close();
  });

  it("sees only what it may call", async () => {
    const anonymous = await connect({});
    let names = [];
    await until(async () => {
      names = (await anonymous.listTools()).tools.map(({ name }) => name);
      return names.length > 0;
    }, "the tools are known");
    assert.ok(names.includes("educational_ai_validator_classify_bloom"));
    assert.ok(!names.includes("educational_ai_validator_decide_access"), names.join());
    await anonymous.close();
  });
});

async function underWay(fabric) {
  const answer = await fetch(new URL("/gateway/calls", fabric.page));
  return (await answer.json()).all.in_flight;
}
