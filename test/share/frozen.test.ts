/**
 * A connection by itself in a page that the browser freezes for a moment. Chromium may give it no bytes any more, and says nothing of it.
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

test.each([
  ["connect", () => void window.startStoring()],
  ["EventSource", () => window.startOwn()],
])(
  "%s in a page that was frozen gets what came meanwhile, and what comes then",
  async (_name, start) => {
    const page = await browser.open(`${origin.url}/page`);
    const { open } = origin.streams;
    await page.evaluate(start);
    await until("its stream", () => origin.streams.open === open + 1);
    const before = origin.last;
    await origin.publish(1);
    const hasAll = async () => {
      const { numbers, errors } = await page.evaluate(() => ({
        numbers: window.numbers,
        errors: window.errors,
      }));
      expect(numbers).toEqual(Array.from({ length: origin.last - before }, (_, at) => before + at + 1));
      return [errors];
    };
    await until("the first number", hasAll);
    const other = await browser.open(`${origin.url}/page`);
    await page.freeze();
    // Each comes to the browser by itself, since what another page asks for comes between them.
    for (let count = 0; count < 20; count++) {
      await origin.publish(1);
      await other.evaluate(async () => void (await (await fetch("/page")).text()));
    }
    await page.thaw();
    await page.show();
    await origin.publish(1);
    await until("all numbers", hasAll, 60_000);
  },
  100_000,
);
