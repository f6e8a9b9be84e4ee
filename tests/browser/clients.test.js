// Every client that gateways are used with, in a real browser, from another origin: the same questions to each.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { startBrowser } from "./browser.js";
import { script } from "./clients/build.js";
import { startFabric } from "./fabric.js";
import { startProbe } from "./probe.js";
import { until } from "./waiting.js";

const NAMES = [
  "connect-web, grpc-web",
  "connect-web, connect",
  "protobuf-ts, binary",
  "protobuf-ts, text",
  "nice-grpc-web",
  "grpc-web, binary",
  "grpc-web, text",
];

// The library itself: "in binary mode only unary calls are supported".
const STREAMS = NAMES.filter((name) => name !== "grpc-web, binary");

const NOT_FOUND = 5;
const DEADLINE_EXCEEDED = 4;
const FAILED_PRECONDITION = 9;

describe("clients in a browser, from another origin", () => {
  let site;
  let fabric;
  let probe;
  let browser;
  let page;
  let base;

  before(async () => {
    const code = await script();
    site = createServer(({ url }, answer) => {
      const isScript = url === "/clients.js";
      answer.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      answer.end(isScript ? code : '<!doctype html><script type="module" src="/clients.js"></script>');
    });
    await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${site.address().port}`;
    fabric = await startFabric({}, [`gateway.origins=["${origin}"]`]);
    base = new URL(fabric.page).origin;
    probe = await startProbe(fabric);
    browser = await startBrowser();
    page = await browser.newPage();
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.names);
  });

  after(async () => {
    await browser?.close();
    await probe?.stop();
    await fabric?.stop();
    site?.close();
  });

  const unary = (name, request, options) =>
    page.evaluate((all) => globalThis.unary(...all), [name, base, request, options]);
  const stream = (name, request, options) =>
    page.evaluate((all) => globalThis.stream(...all), [name, base, request, options]);

  it("asks every client", async () => {
    assert.deepEqual(await page.evaluate(() => globalThis.names), NAMES);
  });

  for (const name of NAMES) {
    describe(name, () => {
      it("makes a unary call and sees the answer's metadata", async () => {
        const { ok } = await unary(name, { payload: "Grüße, 世界" });
        assert.equal(ok?.payload, "Grüße, 世界");
        assert.match(ok.headers["lyceum-instance"], /^testing-/);
      });

      it("sees an error's code, message and metadata", async () => {
        const { code, message, metadata } = await unary(name, { failWith: NOT_FOUND });
        assert.equal(code, NOT_FOUND);
        assert.equal(message, "the probe was told to fail");
        assert.equal(metadata["probe-code"], String(NOT_FOUND));
      });

      it("is told when its time is up", async () => {
        const began = Date.now();
        const { code } = await unary(name, { delayMilliseconds: 30_000 }, { timeout: 400 });
        assert.equal(code, DEADLINE_EXCEEDED);
        assert.ok(Date.now() - began < 10_000);
      });

      if (!STREAMS.includes(name)) return;

      it("reads a stream in order, to its end", async () => {
        const { heard, code } = await stream(name, { count: 20, intervalMilliseconds: 5, payloadBytes: 700 });
        assert.equal(code, undefined);
        assert.deepEqual(heard, [...Array(20).keys()]);
      });

      it("sees how a stream failed, after its messages", async () => {
        const { heard, code } = await stream(name, { count: 3, failWith: FAILED_PRECONDITION });
        assert.deepEqual(heard, [0, 1, 2]);
        assert.equal(code, FAILED_PRECONDITION);
      });

      it("ends the call at the service when it leaves", async () => {
        const before = await probe.abandoned();
        const { heard } = await stream(name, { intervalMilliseconds: 5 }, { leaveAfter: 3 });
        assert.ok(heard.length >= 3);
        await until(async () => (await probe.abandoned()) > before, "the service's stream was given up");
      });
    });
  }

  it("both directions over a WebSocket, with grpcwebproxy's client", async () => {
    const payloads = ["one", "two", "three"];
    const { ok } = await page.evaluate((all) => globalThis.exchange(...all), [base, payloads]);
    assert.deepEqual(ok, payloads);
  });
});
