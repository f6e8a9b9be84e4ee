// HTTP/3 in a real browser, which trusts QUIC only with a certificate that it was told of.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { connect } from "node:tls";
import { openPage, startBrowser } from "./browser.js";
import { startFabric } from "./fabric.js";
import { until } from "./waiting.js";

/** The digest of a server's public key, as Chromium is told of it. */
function fingerprint(address) {
  const { hostname: host, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false }, () => {
      const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}

describe("the page over HTTP/3", () => {
  let fabric;
  let browser;

  before(async () => {
    fabric = await startFabric({}, ["gateway.tls.source=development", "gateway.http3=true"]);
    const trusted = await fingerprint(fabric.page);
    browser = await startBrowser([
      `--origin-to-force-quic-on=${new URL(fabric.page).host}`,
      `--ignore-certificate-errors-spki-list=${trusted}`,
    ]);
  });

  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });

  it("loads, and calls a service", async () => {
    const { context, page, wrong } = await openPage(browser, fabric.page);
    const spoken = () =>
      page.evaluate(() => performance.getEntries().flatMap(({ nextHopProtocol }) => nextHopProtocol || []));
    assert.deepEqual(new Set(await spoken()), new Set(["h3"]));
    // A service's types are learnt a moment after the page is there.
    const evaluated = () =>
      page.evaluate(async (token) => {
        const answer = await fetch("/api/writing-analysis/EvaluateReflection", {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
          body: JSON.stringify({ text: "I learnt that I had been wrong." }),
        });
        return answer.json();
      }, fabric.token("student"));
    await until(async () => /^REFLECTION_LEVEL_/.test((await evaluated()).level), "the service answers");
    assert.deepEqual(new Set(await spoken()), new Set(["h3"]));
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
