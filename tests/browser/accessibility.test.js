// For everybody: no violation that axe-core knows in any place, light and dark; every step by keyboard; nothing to
// scroll sideways on a phone; no motion for those who want none.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { openPage, paste, settled, sideways, startBrowser, violations } from "./browser.js";
import { startFabric } from "./fabric.js";
import { ESSAY, REFLECTION, REPLY, TASK } from "./texts.js";
import { until } from "./waiting.js";

/** Every place with its answer on the page. */
const PLACES = [
  {
    place: "#/desk",
    fill: async (page) => {
      await settled(page);
      await page.locator(".findings summary").click();
    },
  },
  {
    place: "#/desk/reflection",
    fill: async (page) => {
      await page.getByRole("button", { name: "See how deep it goes" }).click();
      await page.locator(".depth").waitFor();
    },
  },
  {
    place: "#/desk/drafts",
    fill: async (page) => {
      await page.locator("#earlier").fill(`${TASK} ${REPLY}`);
      await page.locator("#later").fill(`${REPLY} ${TASK}`);
      await page.getByRole("button", { name: "Compare" }).click();
      await page.locator(".comparison").waitFor();
    },
  },
  {
    place: "#/task",
    fill: async (page) => {
      await page.getByRole("button", { name: "What does it ask for?" }).click();
      await page.locator(".bloom").waitFor();
    },
  },
  {
    place: "#/task/reply",
    fill: async (page) => {
      await page.locator("#reply").fill(REPLY);
      await page.getByRole("button", { name: "Does it keep its bounds?" }).click();
      await page.locator(".verdict").waitFor();
    },
  },
  {
    place: "#/task/access",
    fill: async (page) => {
      await page.getByRole("button", { name: "How much help is open?" }).click();
      await page.locator(".decision").waitFor();
    },
  },
  { place: "#/fabric", fill: (page) => page.locator("tr[data-method]").first().waitFor() },
  { place: "#/console", fill: (page) => page.locator(".console-services a").first().waitFor() },
];

describe("for everybody", { timeout: 240_000 }, () => {
  let fabric;
  let browser;
  before(async () => {
    fabric = await startFabric();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });

  /** Goes through every place with its answers, and does something there. */
  async function tour(options, each) {
    const { page, context, wrong } = await openPage(browser, fabric.page, options);
    await each(page, "an empty desk");
    await paste(page, "#essay", ESSAY);
    await page.goto(`${fabric.page}#/desk/reflection`);
    await page.locator("#reflection").fill(REFLECTION);
    await page.goto(`${fabric.page}#/task`);
    await page.locator("#task-text").fill(TASK);
    for (const { place, fill } of PLACES) {
      await page.goto(fabric.page + place);
      await fill(page);
      await each(page, place);
    }
    assert.deepEqual(wrong, []);
    await context.close();
  }

  for (const colorScheme of ["light", "dark"]) {
    it(`no place breaks a rule of axe-core, ${colorScheme}`, async () => {
      const found = [];
      await tour({ colorScheme, reducedMotion: "reduce" }, async (page, place) => {
        for (const violation of await violations(page)) found.push(`${place}: ${violation}`);
      });
      assert.deepEqual(found, []);
    });
  }

  for (const width of [360, 768, 1280, 3840]) {
    it(`no place scrolls sideways at ${width} px`, async () => {
      const found = [];
      await tour({ viewport: { width, height: 800 } }, async (page, place) => {
        const more = await sideways(page);
        if (more > 0) found.push(`${place}: ${more} px`);
      });
      assert.deepEqual(found, []);
    });
  }

  it("everything can be done by keyboard", async () => {
    const { page, context } = await openPage(browser, fabric.page);
    const name = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim(),
      );
    /** Presses Tab until the focus is there; the focus must be seen on the way. */
    const tabTo = async (wanted) => {
      for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press("Tab");
        const shown = await page.evaluate(() => {
          const focused = document.activeElement;
          // Arriving at a place puts the focus on all of it, which needs no frame.
          if (!focused || focused === document.body || focused.id === "main") return true;
          const sheet = focused.closest(".editor-sheet") ?? focused;
          return getComputedStyle(sheet).outlineStyle !== "none" || getComputedStyle(focused).outlineStyle !== "none";
        });
        assert.ok(shown, `no visible focus on ${await name()}`);
        if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), wanted)) return;
      }
      assert.fail(`Tab never reached ${wanted}`);
    };

    await page.keyboard.press("Tab");
    assert.equal(await name(), "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
    await tabTo("#essay");
    await page.keyboard.insertText(ESSAY);
    await settled(page);
    await page.keyboard.press("F8");
    await tabTo('button[aria-label="Next finding"]');
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "essay");

    await page.goto(`${fabric.page}#/task`);
    await tabTo("#task-text");
    await page.keyboard.insertText(TASK);
    await tabTo("button.button");
    await page.keyboard.press("Enter");
    await page.locator(".bloom .rung-here").waitFor();

    await page.goto(`${fabric.page}#/desk`);
    await tabTo(".foot button");
    await page.keyboard.press("Enter");
    await until(async () => (await name()) === "Forget it", "the dialogue has the focus");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#essay").inputValue(), ESSAY);
    await context.close();
  });

  it("a screen reader hears the count of findings, politely", async () => {
    const { page, context } = await openPage(browser, fabric.page);
    await paste(page, "#essay", ESSAY);
    const said = page.locator('.standing [role="status"][aria-live="polite"]');
    await until(async () => /\d+ findings?: \d+ on clarity/.test(await said.innerText()), "the count is told");
    await context.close();
  });

  it("the first load is under 150 KB compressed", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const bodies = [];
    page.on("response", (response) => bodies.push(response.body()));
    await page.goto(fabric.page, { waitUntil: "networkidle" });
    await page.evaluate(() => document.fonts.ready);
    // Fonts come compressed; gzip leaves them as they are.
    const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
    assert.ok(bodies.length >= 4 && bytes < 150_000, `${bytes} bytes in ${bodies.length} files`);
    await context.close();
  });
});
