// The Fabric place: everything it shows is what the gateway says, and a death is seen while calls go elsewhere.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after, before, describe, it } from "node:test";
import { openPage, sideways, startBrowser, violations } from "./browser.js";
import { startFabric } from "./fabric.js";
import { until } from "./waiting.js";

describe("the fabric", { timeout: 120_000 }, () => {
  let fabric;
  let browser;
  before(async () => {
    fabric = await startFabric({ "writing-analysis": 3 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });

  it("shows every instance as the gateway tells it", async () => {
    const { page, context, wrong } = await openPage(browser, `${fabric.page}#/fabric`);
    const instances = (await fabric.services()).flatMap((service) => service.instances);
    await until(async () => (await page.locator("tr[data-instance]").count()) === instances.length, "all are shown");
    for (const { id, address, version } of instances) {
      const row = page.locator(`tr[data-instance="${id}"]`);
      const text = await row.innerText();
      assert.ok(text.includes(address) && text.includes(version), text);
      assert.equal(await row.getAttribute("data-health"), "passing");
    }
    assert.equal(await page.locator(".room").count(), 2);
    assert.deepEqual(wrong, []);
    await context.close();
  });

  it("tells who answered each call, and how fast", async () => {
    const { page, context } = await openPage(browser, `${fabric.page}#/fabric`);
    await page.getByRole("button", { name: "Send ten calls to writing-analysis" }).click();
    const answered = page.locator('.log-line[data-outcome="answered"]');
    await until(async () => (await answered.count()) === 10, "ten calls are answered");
    const ids = new Set(fabric.processes("writing-analysis").map(({ id }) => id));
    for (const line of await answered.all()) {
      assert.ok(ids.has(await line.getAttribute("data-instance")), await line.innerText());
      assert.match(await line.innerText(), /\d ms/);
    }
    // The gateway's own count, as it is told each second.
    const method = page.locator('tr[data-method$="/EvaluateReflection"]');
    await until(async () => Number((await method.locator("td").last().innerText()).trim()) >= 10, "the count is shown");
    assert.match(await page.locator(".traffic-minute").getAttribute("aria-label"), /Calls in the last \d+ seconds/);
    const total = async () => {
      const services = await fabric.services();
      const { instances } = services.find(({ name }) => name === "writing-analysis");
      return instances.reduce((sum, { calls }) => sum + calls, 0);
    };
    const calls = await total();
    assert.ok(calls >= 10);
    await until(async () => {
      const shown = await page.locator('tr[data-instance^="writing-analysis"] td[data-label="Calls"]').allInnerTexts();
      return shown.reduce((sum, text) => sum + Number(text.replaceAll(",", "")), 0) === calls;
    }, "the table shows the same count");
    await context.close();
  });

  it("shows a death, and the calls go elsewhere", async () => {
    const { page, context } = await openPage(browser, `${fabric.page}#/fabric`);
    await page.locator("tr[data-instance]").first().waitFor();
    const [victim] = fabric.processes("writing-analysis");
    fabric.kill(victim);
    for (let round = 0; round < 3; round++) {
      await page.getByRole("button", { name: "Send ten calls to writing-analysis" }).click();
      await until(async () => (await page.locator('.log-line[data-outcome="under way"]').count()) === 0, "all ended");
      assert.equal(await page.locator('.log-line[data-outcome="failed"]').count(), 0);
    }
    const gone = page.locator(".log-line[data-health]", { hasText: victim.id });
    await gone.first().waitFor({ timeout: 60_000 });
    await until(() => fabric.processes("writing-analysis").length === 3, "three live again", 30_000);
    await page.locator('.log-line[data-health="joined"]').first().waitFor({ timeout: 30_000 });
    await context.close();
  });
});

/** One call of half a second at the most; the page's own are too patient, and a browser has few connections. */
async function evaluate(page, token) {
  const text = Buffer.from("I learnt that I had been wrong.");
  const message = Buffer.concat([Buffer.from([0x0a, text.length]), text]);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  const method = "lyceum.writing_analysis.v1.WritingAnalysisService/EvaluateReflection";
  const headers = {
    "content-type": "application/grpc-web+proto",
    "x-grpc-web": "1",
    "grpc-timeout": "500m",
    authorization: `Bearer ${token}`,
  };
  const answer = await fetch(new URL(method, page), { method: "POST", headers, body: frame });
  await answer.arrayBuffer();
}

describe("an instance that hangs", { timeout: 120_000 }, () => {
  let fabric;
  let browser;
  before(async () => {
    // By default an instance that hangs is avoided before it has failed often enough. Half of a pool is never out.
    const settings = [
      "policy.call.breaker_failures=0",
      "policy.balancing.policy=round-robin",
      "policy.balancing.ejection.failures=2",
      // Who hangs stays registered: its callers find out by themselves.
      "registration.ttl=120s",
    ];
    fabric = await startFabric({ "writing-analysis": 3 }, settings);
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });

  it("is shown as ejected, and as called again once it goes on", async () => {
    const { page, context, wrong } = await openPage(browser, `${fabric.page}#/fabric`);
    const [victim] = fabric.processes("writing-analysis");
    const token = fabric.token("student");
    const row = page.locator(`tr[data-instance="${victim.id}"]`);
    const ejected = async (wanted) => {
      await Promise.all(Array.from({ length: 10 }, () => evaluate(fabric.page, token)));
      return (await row.getAttribute("data-ejected")) === wanted;
    };
    assert.equal(await row.getAttribute("data-ejected"), "false");
    assert.match(await row.locator('td[data-label="Load"]').innerText(), /\d %/);
    fabric.suspend(victim);
    try {
      await until(() => ejected("true"), "it is ejected", 60_000);
      assert.match(await row.innerText(), /ejected once so far/);
      assert.match(await page.locator(".dot", { hasText: "ejected" }).innerText(), /ejected/);
      await page.locator('.log-line[data-health="ejected"]', { hasText: victim.id }).first().waitFor();
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await violations(page), []);
      }
      for (const width of [360, 768, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        assert.equal(await sideways(page), 0, `at ${width} px`);
      }
    } finally {
      fabric.resume(victim);
    }
    await until(() => ejected("false"), "it is called again", 60_000);
    await page.locator('.log-line[data-health="readmitted"]', { hasText: victim.id }).first().waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
