// A real browser for one test file, and what the tests look at in the page.

import { getuid } from "node:process";
import { axeSource, chromium, program } from "./tools.js";

/** Starts Chromium, with more arguments where a test needs them; its sandbox cannot be had as root. */
export function startBrowser(more = []) {
  const asRoot = getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({
    executablePath: program("chromium"),
    args: ["--disable-gpu", "--disable-background-networking", ...asRoot, ...more],
  });
}

/** A page in a context of its own that collects what must not happen: errors of scripts, calls to other addresses. */
export async function openPage(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(address).origin) wrong.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(address);
  await page.locator("main").waitFor();
  return { context, page, wrong };
}

/** Puts text at the cursor, as pasting does. */
export async function paste(page, selector, text) {
  await page.locator(selector).click();
  await page.keyboard.insertText(text);
}

/** Waits until live feedback has read the whole text. */
export function settled(page) {
  return page.locator('.standing[data-state="settled"]').waitFor();
}

/** The words that are underlined in an editor, by kind. */
export function underlined(page, kind) {
  return page.evaluate(
    (kind) =>
      [...(CSS.highlights.get(kind) ?? [])].map((range) =>
        range.startContainer.data.slice(range.startOffset, range.endOffset),
      ),
    kind,
  );
}

/** What axe-core finds wrong, one line each. */
export async function violations(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html.slice(0, 120)}`);
}

/** How far the page can be scrolled sideways. */
export function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
