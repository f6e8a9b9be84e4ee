// What goes wrong, and what the page makes of it: texts that cannot be judged, a network that is away, a service that
// is down and comes back, a backend that dies in the middle of a stream.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openPage, paste, settled, startBrowser, underlined, violations } from "./browser.js";
import { startFabric } from "./fabric.js";
import { ESSAY, GERMAN, REFLECTION } from "./texts.js";
import { until } from "./waiting.js";

const SERVICE = "writing-analysis";

/** Kills every instance that lives. */
function killAll(fabric) {
  for (const process of fabric.processes(SERVICE)) {
    try {
      fabric.kill(process);
    } catch {
      // It died before, and its supervisor has yet to tell.
    }
  }
}

describe("troubles", { timeout: 240_000 }, () => {
  let fabric;
  let browser;
  before(async () => {
    fabric = await startFabric({ [SERVICE]: 3 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });
  const open = (place = "") => openPage(browser, fabric.page + place);
  const trouble = (page, kind) => page.locator(`.trouble[data-kind="${kind}"]`);

  it("a text in another language is told, and nothing is judged", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", GERMAN);
    await trouble(page, "language").waitFor();
    assert.match(await trouble(page, "language").innerText(), /German/);
    assert.deepEqual(await underlined(page, "clarity"), []);
    assert.equal(await page.locator("#essay").inputValue(), GERMAN);
    assert.equal(await page.locator(".measures-grid").count(), 0);
    assert.deepEqual(await violations(page), []);
    await page.locator("#essay").fill(ESSAY);
    await settled(page);
    assert.equal(await page.locator(".trouble").count(), 0);
    await context.close();
  });

  it("a text that is too long is told, and stays", async () => {
    const { page, context } = await open();
    const long = "We all were there. ".repeat(10_600);
    await page.locator("#essay").fill(long);
    await trouble(page, "too-long").waitFor();
    assert.equal((await page.locator("#essay").inputValue()).length, long.length);
    await page.locator("#essay").fill(ESSAY);
    await settled(page);
    await context.close();
  });

  it("a text without words is told gently", async () => {
    const { page, context } = await open();
    await page.locator("#essay").fill("!!! ???");
    await trouble(page, "no-words").waitFor();
    await context.close();
  });

  it("a slow answer is told, and comes", async () => {
    const { page, context } = await open();
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/AnalyzeDraft", async (route) => {
      await held;
      await route.continue();
    });
    await paste(page, "#essay", ESSAY);
    await page.getByText("this takes longer than usual").waitFor();
    release();
    await settled(page);
    assert.ok((await underlined(page, "clarity")).length > 0);
    await context.close();
  });

  it("without a network the writing goes on, and feedback returns with it", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);
    await context.setOffline(true);
    await page.keyboard.type(" One more sentence.");
    await page.getByText("You are offline.").waitFor();
    await trouble(page, "offline").waitFor();
    await context.setOffline(false);
    await settled(page);
    assert.ok((await page.locator("#essay").inputValue()).endsWith("One more sentence."));
    assert.equal(await page.locator(".trouble").count(), 0);
    await context.close();
  });

  it("a backend killed while it streams is never noticed", async () => {
    const { page, context } = await open();
    // Who streams is told with the first of an answer; how a stream ended, with its last frame.
    let victim;
    let broken = 0;
    page.on("response", async (response) => {
      if (!response.url().endsWith("/AnalyzeDraft")) return;
      if (!victim) {
        victim = fabric.processes(SERVICE).find(({ id }) => id === response.headers()["lyceum-instance"]);
        if (victim) fabric.kill(victim);
      }
      const body = await response.body().catch(() => Buffer.alloc(0));
      if (/grpc-status: ?14/.test(body.toString("latin1"))) broken++;
    });
    await page.evaluate(() => {
      globalThis.troubles = 0;
      new MutationObserver(() => {
        if (document.querySelector(".trouble")) globalThis.troubles++;
      }).observe(document.body, { childList: true, subtree: true });
    });
    // Long enough that a stream takes its time. Each round is another text, so that all of it is read again.
    const essay = (round) =>
      Array.from(
        { length: 2000 },
        (_, n) => `Paper ${n} was written by group ${round}. It is clearly the best one, and paper ${n + 1} agrees.`,
      ).join("\n\n");
    for (let round = 0; broken === 0; round++) {
      assert.ok(round < 20, "no death fell into a stream");
      await until(() => fabric.processes(SERVICE).length >= 2, "two instances live", 30_000);
      victim = undefined;
      await page.locator("#essay").evaluate((area, text) => {
        area.value = text;
        area.dispatchEvent(new Event("input", { bubbles: true }));
      }, essay(round));
      await until(() => victim, "a stream begins, and its instance is killed");
      await page.locator('.standing[data-state="settled"]').waitFor();
      const marks = await page.evaluate(() => [...CSS.highlights.get("clarity")].length);
      assert.ok(marks >= 2000, `${marks} marks after the death`);
      await until(
        () => fabric.events.some(({ event, pid }) => event === "died" && pid === victim.pid),
        "the death is noticed by its supervisor",
      );
    }
    assert.equal(await page.evaluate(() => globalThis.troubles), 0, "the page told of a trouble");
    await context.close();
  });

  it("a service that is down is told, and feedback comes back by itself", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);
    const down = page.locator('.trouble[data-kind="down"]');
    // Its supervisor starts it again, each time a little later: kill what lives until the page had to tell.
    await until(
      async () => {
        killAll(fabric);
        // Typing on begins anew, so write only when there is nothing under way.
        if (await page.locator('.standing[data-state="settled"]').count()) await page.keyboard.type("x");
        return (await down.count()) > 0;
      },
      "the page tells that the service is down",
      60_000,
    );
    assert.ok((await page.locator("#essay").inputValue()).startsWith(ESSAY));
    await page.locator('.standing[data-state="settled"]').waitFor({ timeout: 60_000 });
    assert.equal(await page.locator(".trouble").count(), 0);
    assert.ok((await underlined(page, "clarity")).length > 0);
    await context.close();
  });

  it("how much help is never guessed: without writing analysis the page says so, and decides when it is back", async () => {
    const { page, context } = await open("#/task/access");
    await page.locator("#access-reflection").fill(REFLECTION);
    const down = trouble(page, "down");
    const button = page.getByRole("button", { name: "How much help is open?" });
    await until(
      async () => {
        killAll(fabric);
        // A decision that came through before the death: ask again.
        if ((await page.locator(".skeleton, .trouble").count()) === 0) await button.click();
        return (await down.count()) > 0;
      },
      "the page tells that no decision can be had",
      60_000,
    );
    assert.match(await down.innerText(), /Nothing was guessed|does not answer/);
    await page.locator(".decision .rung-here").waitFor({ timeout: 60_000 });
    assert.ok((await page.locator(".why li").count()) > 0);
    await context.close();
  });
});
