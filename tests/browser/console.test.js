// The console: any method of any service, found, filled in by form or as JSON, called, cancelled, copied.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { openPage, sideways, startBrowser, violations } from "./browser.js";
import { startFabric } from "./fabric.js";
import { ESSAY } from "./texts.js";
import { until } from "./waiting.js";

const WRITING = "lyceum.writing_analysis.v1.WritingAnalysisService";
const VALIDATOR = "lyceum.ai_validator.v1.EducationalAiValidatorService";

describe("the console", { timeout: 180_000 }, () => {
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

  const open = async (method = "", options = {}) => {
    const opened = await openPage(browser, `${fabric.page}#/console${method && `/${method}`}`, options);
    const at = method ? "#console-method-name" : ".console-services a";
    await opened.page.locator(at).first().waitFor();
    return opened;
  };
  const state = (page) => page.locator(".console-state");
  const answered = (page) => page.locator('.console-state[data-state="answered"]').waitFor();

  it("lists what the services reflect, and finds a method by its words", async () => {
    const { page, context, wrong } = await open();
    const methods = page.locator(".console-services a");
    assert.equal(await methods.count(), 7);
    await page.getByLabel("Find a method").fill("bloom classifies");
    assert.deepEqual(await methods.allInnerTexts(), ["ClassifyBloom"]);
    await methods.click();
    await page.locator("#console-method-name").waitFor();
    assert.ok(page.url().endsWith(`#/console/${VALIDATOR}/ClassifyBloom`));
    assert.match(await page.locator(".console-comment").innerText(), /revised taxonomy of Bloom/);
    assert.deepEqual(wrong, []);
    await context.close();
  });

  it("makes a form of the type, calls, and shows the answer with what came along", async () => {
    const { page, context, wrong } = await open(`${VALIDATOR}/DecideAccess`);
    await page.getByLabel("reflection").fill("I was lost at first, and then I saw why: my question was too wide.");
    await page.getByLabel("stage").selectOption("WRITING_STAGE_DRAFT");
    await page.getByLabel("repliesSoFar").fill("2");
    // What must not be sent cannot be chosen.
    assert.ok(!(await page.getByLabel("stage").innerText()).includes("UNSPECIFIED"));
    await page.keyboard.press("Control+Enter");
    await answered(page);
    const answer = JSON.parse(await page.locator(".console-message pre").innerText());
    assert.match(answer.level, /^ACCESS_LEVEL_/);
    assert.match(await state(page).innerText(), /HTTP 200[\s\S]*ms in all/);
    await page.getByText(/Metadata of the answer/).click();
    assert.match(await page.locator(".console-headers").innerText(), /x-correlation-id/);
    // The same as JSON, and back.
    await page.getByRole("button", { name: "As JSON" }).click();
    const body = JSON.parse(await page.getByLabel("Request as JSON").inputValue());
    assert.deepEqual([body.stage, body.repliesSoFar], ["WRITING_STAGE_DRAFT", 2]);
    await page.getByLabel("Request as JSON").fill(JSON.stringify({ ...body, repliesSoFar: 3 }));
    await page.getByRole("button", { name: "As JSON" }).click();
    assert.equal(await page.getByLabel("repliesSoFar").inputValue(), "3");
    assert.deepEqual(wrong, []);
    await context.close();
  });

  it("says what is wrong with a request, by field", async () => {
    const { page, context } = await open(`${WRITING}/AnalyzeWriting`);
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.locator('.console-state[data-state="failed"]').waitFor();
    const wrong = await page.locator(".console-wrong").innerText();
    assert.match(wrong, /INVALID_ARGUMENT · INPUT_INVALID/);
    assert.match(wrong, /\btext\b/);
    await context.close();
  });

  it("shows a stream as it comes, and can end it", async () => {
    const { page, context } = await open(`${WRITING}/AnalyzeDraft`);
    await page.getByLabel("text (required)").fill(`${ESSAY}\n\n${ESSAY}`);
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await answered(page);
    const count = await page.locator(".console-message").count();
    assert.ok(count > 2, `${count} messages`);
    assert.ok((await state(page).innerText()).includes(`${count} messages`));
    // One that has not been answered is cancelled: the service stands still meanwhile.
    const standing = fabric.processes("writing-analysis");
    for (const process of standing) fabric.suspend(process);
    try {
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page.locator('.console-state[data-state="calling"]').waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.locator('.console-state[data-state="cancelled"]').waitFor();
    } finally {
      for (const process of standing) fabric.resume(process);
    }
    await context.close();
  });

  it("copies the call in words that a shell runs", async () => {
    const { page, context } = await open(`${VALIDATOR}/ClassifyBloom`, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.getByLabel("task").fill('Compare the writer\'s two "sources".');
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied for curl.").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    // Who calls is the page's session; a shell shows a header of its own.
    const command = copied.replace("curl ", "curl -s -o /dev/null -w '%{http_code} %{content_type}' ");
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    assert.match(stdout, /^(200|401) application\/json/, `${stdout} ${stderr}`);
    for (const [client, word] of [
      ["grpcurl", "grpcurl -plaintext"],
      ["buf curl", "buf curl"],
      ["TypeScript", "client.classifyBloom("],
    ]) {
      await page.getByLabel("Copy for").selectOption(client);
      assert.ok((await page.locator(".console-pre").innerText()).includes(word), client);
    }
    await context.close();
  });

  it("is reached and used by keyboard alone", async () => {
    const { page, context } = await open();
    await page.getByLabel("Find a method").focus();
    await page.keyboard.type("classify");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("#console-method-name").waitFor();
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(() => document.activeElement?.id === "request-task")) break;
    }
    await page.keyboard.type("Explain why the tide rises.");
    await page.keyboard.press("Control+Enter");
    await answered(page);
    await page.goBack();
    await until(async () => (await page.locator("#console-method-name").count()) === 0, "back to the list");
    await context.close();
  });

  it("has no violation and nothing sideways, on a phone and at 4K, light and dark", async () => {
    for (const colorScheme of ["light", "dark"]) {
      for (const [width, height] of [
        [360, 800],
        [1280, 900],
        [3840, 2160],
      ]) {
        const { page, context } = await open(`${WRITING}/AnalyzeDraft`, { colorScheme, viewport: { width, height } });
        await page.getByLabel("text (required)").fill(ESSAY);
        await page.getByRole("button", { name: "Add to knownParagraphs" }).click();
        await page.getByText("Metadata and deadline").click();
        await page.getByRole("button", { name: "Call", exact: true }).click();
        await state(page).waitFor();
        await until(async () => (await state(page).getAttribute("data-state")) !== "calling", "it ended");
        assert.deepEqual(await violations(page), [], `${colorScheme} ${width}`);
        assert.ok((await sideways(page)) <= 0, `${width}`);
        await context.close();
      }
    }
  });

  it("forgets what was typed when everything is forgotten", async () => {
    const { page, context } = await open(`${VALIDATOR}/ClassifyBloom`);
    await page.getByLabel("task").fill("Something of my own.");
    await page.getByRole("button", { name: "Forget my text" }).click();
    await page.getByRole("button", { name: "Forget it" }).click();
    await until(async () => (await page.getByLabel("task").inputValue()) === "", "it is gone");
    await context.close();
  });
});
