/**
 * Pages of one site after another in one tab, each with a stream. Chromium keeps them, to go back to: one that kept its stream too would
 * keep one of the six connections that a browser has to an origin over HTTP/1.1, and the seventh page would never load.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../browsers/index.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { startTabs, type Tabs } from "./tabs.ts";

let browser: Tabs;
let origin: Origin;
beforeAll(async () => {
  [browser, origin] = await Promise.all([startTabs("chromium"), startOrigin()]);
});
afterAll(async () => {
  await browser.close();
  await origin.close();
});

test("a page in the back/forward cache has no stream, and goes on when it is shown again", async () => {
  const page = await browser.open(`${origin.url}/page?0`);
  const numbers = () => page.evaluate(() => window.numbers.join());
  for (let at = 0; at < 8; at++) {
    if (at > 0) {
      await page.evaluate((at) => void (location.search = `?${at}`), at);
      await until(`page ${at}`, () => page.evaluate((at) => location.search === `?${at}`, at));
    }
    await until("its script", () => page.evaluate(() => window.startStoring.length === 0));
    await page.evaluate(() => void window.startStoring());
    await until("one stream", () => origin.streams.open === 1);
    await origin.publish(1);
    await until("its number", async () => (await numbers()) === String(origin.last));
  }
  await page.evaluate(() => history.back());
  await until("the page before, as it was left", async () =>
    (await numbers()).startsWith(`${origin.last - 1}`),
  );
  await origin.publish(1);
  await until("what it missed", async () => (await numbers()) === `7,8,9`);
  expect(origin.streams.open).toBe(1);
}, 60_000);
