/**
 * Two versions of the package in the tabs of one browser, as after a deployment: whether they understand each other or not, each tab is
 * told everything once.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../browsers/index.ts";
import { chanceFrom } from "../support/share/share-world.ts";
import { bundlePage, type Origin, startOrigin } from "./origin.ts";
import { browsers, startTabs, type TabPage, type Tabs } from "./tabs.ts";

const TAKEOVER_MS = 2000;

/**
 * The page with the package as it was on 25 and on 28 November 2026, bundled and minified. They say the same words, but the first tells
 * no epoch and packs errors in another way.
 */
const older = Object.fromEntries(
  ["first", "second"].map((name) => [
    name,
    readFileSync(new URL(`older/${name}.txt`, import.meta.url), "utf8"),
  ]),
);

/** A version to come, which says all in other words, and so has another number. */
const otherWords: Plugin = {
  name: "other-words",
  setup(build) {
    const change = (filter: RegExp, edit: (text: string) => string): void =>
      build.onLoad({ filter }, ({ path }) => ({
        contents: edit(readFileSync(path, "utf8")),
        loader: "ts",
      }));
    change(/share-name\.ts$/, (text) => text.replace("tidings.share.1 ", "tidings.share.2 "));
    change(/share\/words\.ts$/, (text) =>
      text
        .replace("function pack(", "function packed(")
        .replace("function unpack(", "function unpacked(")
        .concat(
          "export const pack = (said: Ask | Told) => ({ two: packed(said) });\n",
          "export const unpack = (said: { two: unknown }) => unpacked(said.two);\n",
        ),
    );
  },
};

function bundleNext(): Promise<string> {
  const source = (path: string) =>
    fileURLToPath(new URL(`../../packages/tidings/src/client/${path}`, import.meta.url));
  return bundlePage({
    alias: { "tidings/client/share": source("share.ts"), "tidings/client": source("index.ts") },
    plugins: [otherWords],
  });
}

describe.each(browsers)("tabs of two versions in %s", (name) => {
  let browser: Tabs;
  let origin: Origin;
  let next: string;
  let tabs: Tab[] = [];
  /** What each tab has been told, those that are gone too. */
  let told: Tab[] = [];

  interface Tab {
    readonly version: string;
    readonly page: TabPage;
    numbers: number[];
    role: string;
    state: string;
  }

  async function openTab(version: string): Promise<Tab> {
    const page = await browser.open(`${origin.url}/page?${version}`);
    const tab: Tab = { version, page, numbers: [], role: "", state: "" };
    await page.evaluate((ms) => window.startSharing(ms), TAKEOVER_MS);
    tabs.push(tab);
    told.push(tab);
    return tab;
  }

  async function openTabs(...versions: string[]): Promise<void> {
    await Promise.all(versions.map((version) => openTab(version)));
    await until("tabs that follow an open stream", async () => {
      await readAll();
      return tabs.every(({ state }) => state === "open");
    });
  }

  async function read(tab: Tab): Promise<void> {
    const { errors, ...now } = await tab.page.evaluate(() => ({
      numbers: window.numbers,
      errors: window.errors,
      role: window.connection!.role,
      state: window.connection!.state,
    }));
    expect(errors).toEqual([]);
    Object.assign(tab, now);
  }

  const readAll = () => Promise.all(tabs.map((tab) => read(tab)));

  async function leaders(count: number): Promise<Tab[]> {
    return until(`${count} leaders`, async () => {
      await readAll();
      const leading = tabs.filter(({ role }) => role === "leader");
      return leading.length === count ? leading : undefined;
    });
  }

  async function remove(tab: Tab, how: "close" | "crash"): Promise<void> {
    await read(tab);
    tabs = tabs.filter((one) => one !== tab);
    if (how === "crash") await tab.page.crash();
    await tab.page.close();
  }

  async function expectAllTold(): Promise<void> {
    await until("the last number in each tab", async () => {
      await readAll();
      return tabs.every(({ numbers }) => numbers.at(-1) === origin.last);
    });
    const wrong = told.filter(({ numbers }) => numbers.some((number, at) => number !== numbers[0]! + at));
    expect(wrong.map(({ version, numbers }) => [version, numbers])).toEqual([]);
  }

  beforeAll(async () => {
    [browser, next] = await Promise.all([startTabs(name), bundleNext()]);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    origin = await startOrigin({ ...older, next });
  });
  afterEach(async () => {
    await Promise.all(tabs.map(({ page }) => page.close()));
    tabs = [];
    told = [];
    await origin.close();
  });

  test.each(Object.keys(older))(
    "the %s version and this one share one connection, whichever leads, and lose nothing when it closes",
    async (version) => {
      const chance = chanceFrom(20_261_129);
      await openTabs(version, "page", version, "page");
      await origin.publish(20);
      await expectAllTold();
      for (const tab of tabs) expect(tab.numbers).toHaveLength(20);
      expect([origin.streams.open, origin.streams.most]).toEqual([1, 1]);
      const led = new Set<string>();
      for (let round = 0; round < 8; round++) {
        const [leader] = await leaders(1);
        led.add(leader!.version);
        const how = name === "chromium" && chance(2) === 0 ? "crash" : "close";
        await Promise.all([remove(leader!, how), origin.publish(10)]);
        await openTabs(leader!.version);
        await origin.publish(10);
        await expectAllTold();
      }
      expect([...led].sort()).toEqual(["page", version].sort());
      await until("one connection", () => origin.streams.open === 1);
    },
  );

  test("a version with other words has a connection of its own, and neither disturbs the other", async () => {
    await openTabs("next", "page", "next", "page");
    await origin.publish(20);
    await expectAllTold();
    for (const tab of tabs) expect(tab.numbers).toHaveLength(20);
    expect(origin.streams).toEqual({ open: 2, most: 2, all: 2 });
    expect((await leaders(2)).map(({ version }) => version).sort()).toEqual(["next", "page"]);
    for (let round = 0; round < 4; round++) {
      const leading = await leaders(2);
      const leader = leading.find(({ version }) => version === (round % 2 === 0 ? "next" : "page"))!;
      await Promise.all([remove(leader, "close"), origin.publish(10)]);
      await openTabs(leader.version);
      await origin.publish(10);
      await expectAllTold();
      await leaders(2);
    }
    await until("two connections", () => origin.streams.open === 2);
  });
});
