// Takes the pictures of the page that stand in docs/, from the real fabric: npm run pictures (in web/).

import { join } from "node:path";
import { openPage, settled, startBrowser } from "./browser.js";
import { startFabric } from "./fabric.js";
import { root } from "./tools.js";
import { until } from "./waiting.js";

const fabric = await startFabric({ "writing-analysis": 3 });
const browser = await startBrowser();
try {
  const { page } = await openPage(browser, fabric.page, { viewport: { width: 1280, height: 1890 } });
  const picture = (name) => page.screenshot({ path: join(root, "docs", `page-${name}.png`) });
  await page.getByRole("button", { name: "Try a sample essay" }).click();
  await settled(page);
  await page.keyboard.press("Tab");
  await page.locator("#essay").focus();
  await page.locator("#essay").evaluate((area) => {
    const at = area.value.indexOf("It might perhaps") + 4;
    area.setSelectionRange(at, at);
  });
  await page.locator(".note-title").waitFor();
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
  await picture("desk");

  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.getByRole("link", { name: "Fabric" }).click();
  await page.getByRole("button", { name: "Send ten calls to ai-validator" }).click();
  await page.getByRole("button", { name: "Send ten calls to writing-analysis" }).click();
  await page.mouse.move(0, 0);
  const underWay = () =>
    [...document.querySelectorAll(".traveller")].filter((call) => {
      const passed = Number.parseFloat(getComputedStyle(call).offsetDistance);
      return passed > 20 && passed < 80;
    }).length;
  await until(() => page.evaluate(underWay).then((count) => count > 2), "calls travel");
  await picture("fabric");

  await page.setViewportSize({ width: 1280, height: 1560 });
  await page.goto(`${fabric.page}#/console/lyceum.ai_validator.v1.EducationalAiValidatorService/DecideAccess`);
  await page.getByLabel("reflection").fill("I was lost at first, and then I saw why: my question was too wide.");
  await page.getByLabel("stage").selectOption("WRITING_STAGE_DRAFT");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await page.locator('.console-state[data-state="answered"]').waitFor();
  await page.mouse.move(0, 0);
  await picture("console");
} finally {
  await browser.close();
  await fabric.stop();
}
