/**
 * Browsers that deny a page what tabs share with, or where a cursor is stored: in a sandboxed frame, and where a person has forbidden
 * sites to store anything. Each page then has a connection of its own, and is told everything.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../browsers/index.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { browsers, startTabs, type TabPage } from "./tabs.ts";

const seen = (page: TabPage) =>
  page.evaluate(() => ({
    numbers: window.numbers,
    errors: window.errors,
    role: window.connection?.role,
    state: window.connection?.state,
  }));

describe.each(browsers)("%s", (name) => {
  async function start(storage: "allowed" | "blocked"): Promise<{
    origin: Origin;
    readonly open: (path: string) => Promise<TabPage>;
  }> {
    const [browser, origin] = await Promise.all([startTabs(name, storage), startOrigin()]);
    onTestFinished(async () => {
      await browser.close();
      await origin.close();
    });
    return { origin, open: (path) => browser.open(`${origin.url}${path}`) };
  }

  test.each([
    ["a page in a sandbox", "allowed", "/page?sandboxed"],
    ["a page whose person blocks what sites store", "blocked", "/page"],
  ] as const)("%s has its messages, shared or not", async (_what, storage, path) => {
    const { origin, open } = await start(storage);
    const pages = [await open(path), await open(path)];
    for (const page of pages) await page.evaluate(() => window.startSharing(2000));
    await until("open connections", async () => {
      const all = await Promise.all(pages.map(seen));
      return all.every(({ state, role }) => state === "open" && role !== undefined);
    });
    await origin.publish(20);
    await until("all messages", async () => {
      const all = await Promise.all(pages.map(seen));
      return all.every(({ numbers }) => numbers.at(-1) === 20);
    });
    const told = await Promise.all(pages.map(seen));
    for (const { numbers, errors } of told) {
      expect(numbers).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
      expect(errors).toEqual([]);
    }
    expect(told.map(({ role }) => role)).toEqual(["alone", "alone"]);
  });

  test("a cursor that cannot be stored ends nothing", async () => {
    const { origin, open } = await start("blocked");
    const page = await open("/page");
    expect(await page.evaluate(() => window.startStoring())).toEqual(["localStorage"]);
    await until("an open stream", () => origin.streams.open === 1);
    await origin.publish(3);
    await until("all messages", async () => (await seen(page)).numbers.length === 3);
    expect((await seen(page)).errors).toEqual([]);
  });
});
