// The desk, from the first paste to the decision how much help is open: the whole path through the real fabric.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openPage, paste, settled, startBrowser, underlined } from "./browser.js";
import { startFabric } from "./fabric.js";
import { ESSAY, REFLECTION, REPLY, TASK } from "./texts.js";
import { until } from "./waiting.js";

describe("the desk", { timeout: 180_000 }, () => {
  let fabric;
  let browser;
  before(async () => {
    fabric = await startFabric({ "writing-analysis": 2 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await fabric?.stop();
  });
  const open = (place = "") => openPage(browser, fabric.page + place);

  it("leads from a pasted essay to the decision how much help is open", async () => {
    const { page, context, wrong } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);

    const passive = await underlined(page, "clarity");
    assert.ok(
      passive.some((words) => words.includes("was written")),
      `underlined: ${passive.join(" | ")}`,
    );
    await page.locator(".note-title").waitFor();
    assert.match(await page.locator(".note-question").first().innerText(), /\?$/);
    await page.getByText(/Sentences vary between \d+ and \d+ words/).waitFor();
    assert.equal(await page.locator(".measures-grid .card").count(), 6);

    await page.getByRole("link", { name: "Reflect" }).click();
    await paste(page, "#reflection", REFLECTION);
    await page.getByRole("button", { name: "See how deep it goes" }).click();
    await page.locator(".depth .rung-here").waitFor();
    assert.equal(await page.locator(".indicator").count(), 6);
    assert.ok((await underlined(page, "reflection")).length > 0);

    await page.getByRole("link", { name: "Task", exact: true }).click();
    await paste(page, "#task-text", TASK);
    await page.getByRole("button", { name: "What does it ask for?" }).click();
    assert.equal(await page.locator(".bloom .rung-here .rung-name").innerText(), "Evaluate");
    assert.ok((await page.locator(".mark-verb").allInnerTexts()).includes("Evaluate"));

    await page.getByRole("link", { name: "Check an AI's reply" }).click();
    await paste(page, "#reply", REPLY);
    await page.getByRole("button", { name: "Does it keep its bounds?" }).click();
    await page.getByText("It should not be shown as it is.").waitFor();
    assert.ok((await page.locator(".part-breach").count()) > 0);

    await page.getByRole("link", { name: "How much help" }).click();
    await page.getByRole("button", { name: "How much help is open?" }).click();
    await page.locator(".decision .rung-here").waitFor();
    assert.ok((await page.locator(".why li").count()) > 0);
    assert.deepEqual(wrong, []);
    await context.close();
  });

  it("never moves the cursor or the text while feedback comes", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);
    const at = ESSAY.indexOf("shared tables");
    await page.locator("#essay").evaluate((area, at) => area.setSelectionRange(at, at), at);
    for (const letter of "all our ") {
      await page.keyboard.type(letter);
    }
    await settled(page);
    const expected = `${ESSAY.slice(0, at)}all our ${ESSAY.slice(at)}`;
    assert.equal(await page.locator("#essay").inputValue(), expected);
    assert.equal(await page.locator("#essay").evaluate((area) => area.selectionStart), at + "all our ".length);
    const words = await underlined(page, "clarity");
    assert.ok(
      words.some((words) => words.includes("was written")),
      words.join(" | "),
    );
    await context.close();
  });

  it("cancels the stream that runs when the writer types on", async () => {
    const { page, context } = await open();
    const failed = [];
    page.on("requestfailed", (request) => failed.push(request.failure()?.errorText));
    // Holds the first call on the wire until the page gives it up; everything after goes to the fabric.
    let held = false;
    await page.route("**/AnalyzeDraft", async (route) => {
      if (held) return route.continue();
      held = true;
    });
    await paste(page, "#essay", "The letter was written by the committee.");
    await until(() => held, "the first call is under way");
    await page.keyboard.type(" It is long.");
    await until(() => failed.includes("net::ERR_ABORTED"), "the first call is cancelled");
    await settled(page);
    assert.ok((await underlined(page, "clarity")).length > 0);
    await page.getByRole("link", { name: "Fabric" }).click();
    await page.locator('.log-line[data-outcome="cancelled"]').first().waitFor();
    await context.close();
  });

  it("sends only what changed", async () => {
    const { page, context } = await open();
    const sizes = [];
    page.on("response", async (response) => {
      if (response.url().endsWith("/AnalyzeDraft")) sizes.push((await response.body().catch(() => "")).length);
    });
    // Findings of many paragraphs make the first answer long; the second carries one paragraph and the measures.
    const essay = Array.from({ length: 30 }, (_, n) => `Letter number ${n} was written by the committee.`).join("\n\n");
    await paste(page, "#essay", essay);
    await settled(page);
    await until(() => sizes.some((size) => size > 0), "the first answer is whole");
    await page.keyboard.type(" And more.");
    await settled(page);
    await until(() => sizes.filter((size) => size > 0).length >= 2, "the second answer is whole");
    const whole = sizes.filter((size) => size > 0);
    assert.ok(whole[whole.length - 1] < whole[0] * 0.7, `answers of ${whole.join(", ")} bytes`);
    assert.equal((await underlined(page, "clarity")).filter((words) => words.includes("was written")).length, 30);
    await context.close();
  });

  it("asks what an experience meant that is only told, in a colour of its own", async () => {
    const { page, context } = await open();
    await page.getByRole("button", { name: "or a report" }).click();
    await settled(page);
    assert.ok((await underlined(page, "reflection")).length > 0);
    await page.locator(".legend-clarity input").uncheck();
    await page.locator(".legend-structure input").uncheck();
    await page.locator(".note-reflection .note-question").waitFor();
    assert.deepEqual(await underlined(page, "clarity"), []);
    await context.close();
  });

  it("goes from finding to finding by key, and tells them", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);
    const seen = new Set();
    for (let turn = 0; turn < 3; turn++) {
      await page.keyboard.press("F8");
      seen.add(await page.locator("#essay").evaluate((area) => area.selectionStart));
    }
    assert.equal(seen.size, 3);
    assert.match(await page.locator('.writing > [role="status"]').innerText(), /\?/);
    await page.keyboard.press("Shift+F8");
    assert.ok(seen.has(await page.locator("#essay").evaluate((area) => area.selectionStart)));
    await context.close();
  });

  it("keeps the text over a reload, and forgets it when told", async () => {
    const { page, context } = await open();
    await paste(page, "#essay", ESSAY);
    await settled(page);
    await page.reload();
    await settled(page);
    assert.equal(await page.locator("#essay").inputValue(), ESSAY);
    await page.getByRole("button", { name: "Forget my text" }).click();
    await page.getByRole("button", { name: "Forget it" }).click();
    await until(async () => (await page.locator("#essay").inputValue()) === "", "the text is gone");
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await page.reload();
    assert.equal(await page.locator("#essay").inputValue(), "");
    await context.close();
  });

  it("compares two drafts and links what moved", async () => {
    const { page, context } = await open("#/desk/drafts");
    const moved = "The teacher was the same in both rooms.";
    const rest = [
      "Shared tables help students to speak.",
      "Our minutes of October name three speakers.",
      "Screens are dear.",
    ];
    await paste(page, "#earlier", [moved, ...rest].join(" "));
    await paste(page, "#later", [...rest, moved, "A wholly different thought ends this draft."].join(" "));
    await page.getByRole("button", { name: "Compare" }).click();
    const later = page.locator('.comparison-side[aria-label^="Later"] a.change-moved', { hasText: "The teacher was" });
    await later.click();
    const focused = await page.evaluate(() => document.activeElement?.textContent ?? "");
    assert.ok(focused.startsWith(moved), focused);
    assert.ok(await page.evaluate(() => document.activeElement?.id.startsWith("earlier-")));
    assert.ok((await page.locator(".comparison-links .link").count()) > 0);
    assert.ok((await page.locator(".change-added", { hasText: "wholly different" }).count()) > 0);
    assert.ok((await page.locator(".growth tbody tr").count()) > 0);
    await context.close();
  });

  it("has an address for every place, and the back button returns", async () => {
    const { page, context } = await open("#/task/access");
    await page.getByRole("heading", { level: 1, name: "How much help" }).waitFor();
    await page.getByRole("link", { name: "Fabric" }).click();
    await page.getByRole("heading", { level: 1, name: "The fabric" }).waitFor();
    await page.getByRole("link", { name: "Desk" }).click();
    await page.locator("#essay").waitFor();
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "The fabric" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "How much help" }).waitFor();
    await page.goto(`${fabric.page}#/nowhere`);
    await page.locator("#essay").waitFor();
    await context.close();
  });
});
