/**
 * One connection for the tabs of real browsers: as many as one likes, closed, crashed and frozen, and each is told everything once.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chanceFrom } from "../support/share/share-world.ts";
import { until } from "../browsers/index.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { browsers, startTabs, type TabPage, type Tabs } from "./tabs.ts";

const TAKEOVER_MS = 2000;

describe.each(browsers)("share() in %s", (name) => {
  let browser: Tabs;
  let origin: Origin;
  let tabs: Tab[] = [];
  /** What each tab has been told, those that are gone too. */
  let told: Tab[] = [];

  class Tab {
    numbers: number[] = [];
    role = "";
    state = "";
    readonly page: TabPage;

    constructor(page: TabPage) {
      this.page = page;
    }

    async read(): Promise<void> {
      const { numbers, errors, role, state } = await this.page.evaluate(() => ({
        numbers: window.numbers,
        errors: window.errors,
        role: window.connection?.role ?? "",
        state: window.connection?.state ?? String(window.source?.readyState),
      }));
      expect(errors).toEqual([]);
      Object.assign(this, { numbers, role, state });
    }

    async close(): Promise<void> {
      await this.read();
      this.leave();
      await this.page.close();
    }

    async crash(): Promise<void> {
      await this.read();
      this.leave();
      await this.page.crash();
      await this.page.close();
    }

    leave(): void {
      tabs = tabs.filter((tab) => tab !== this);
    }
  }

  async function openTab(): Promise<Tab> {
    const tab = new Tab(await browser.open(`${origin.url}/page`));
    await tab.page.evaluate((ms) => window.startSharing(ms), TAKEOVER_MS);
    tabs.push(tab);
    told.push(tab);
    return tab;
  }

  const openTabs = (count: number) => Promise.all(Array.from({ length: count }, () => openTab()));
  const readAll = () => Promise.all(tabs.map((tab) => tab.read()));
  async function leader(): Promise<Tab> {
    return until("a leader", async () => {
      await readAll();
      return tabs.find(({ role }) => role === "leader");
    });
  }
  const allOpen = () =>
    until("tabs that follow an open stream", async () => {
      await readAll();
      return tabs.every(({ state }) => state === "open");
    });
  /** When all tabs have the last number: what was told to those that do not have all from their first on, once and in order. */
  async function wronglyTold(): Promise<number[][]> {
    await until("the last number in each tab", async () => {
      await readAll();
      if (tabs.every(({ numbers }) => numbers.at(-1) === origin.last)) return true;
      throw new Error(
        `${tabs.map(({ numbers, role }) => `${role} ${numbers.at(-1)}`).join()} of ${origin.last}`,
      );
    });
    return told
      .map(({ numbers }) => numbers)
      .filter((numbers) => numbers.some((number, at) => number !== numbers[0]! + at));
  }

  beforeAll(async () => {
    browser = await startTabs(name);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    origin = await startOrigin();
  });
  afterEach(async () => {
    await Promise.all(tabs.map(({ page }) => page.close()));
    tabs = [];
    told = [];
    await origin.close();
  });

  test("12 tabs over HTTP/1.1 share one connection, where EventSource stops at six", async () => {
    await openTabs(12);
    await allOpen();
    await origin.publish(100);
    expect(await wronglyTold()).toEqual([]);
    for (const { numbers } of tabs) expect(numbers).toHaveLength(100);
    expect(origin.streams).toEqual({ open: 1, most: 1, all: 1 });
    expect(tabs.filter(({ role }) => role === "leader")).toHaveLength(1);
    await Promise.all(tabs.map(({ page }) => page.evaluate(() => window.connection!.close())));
    await until("the end of the connection", () => origin.streams.open === 0);

    await Promise.all(tabs.map(({ page }) => page.evaluate(() => window.startAlone())));
    await until("six connections", () => origin.streams.open === 6);
    await origin.publish(100);
    // Those that wait would be told by now, if they could be.
    await until("what six tabs are told", async () => {
      await readAll();
      return tabs.filter(({ numbers }) => numbers.length === 200).length === 6;
    });
    expect(tabs.filter(({ numbers }) => numbers.length === 100)).toHaveLength(6);
    expect(origin.streams).toMatchObject({ open: 6, most: 6 });
  });

  test("tabs that are opened and closed at random lose nothing and get nothing twice", async () => {
    const chance = chanceFrom(20_261_125);
    await openTabs(5);
    await allOpen();
    let publishing = true;
    const published = (async () => {
      while (publishing) {
        await origin.publish(1 + chance(5));
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
    })();
    for (let count = 0; count < 16; count++) {
      const what = chance(4);
      if (tabs.length < 3 || (what === 0 && tabs.length < 8)) await openTab();
      else if (what === 1) await tabs[chance(tabs.length)]!.close();
      else await (await leader()).close();
    }
    publishing = false;
    await published;
    // One that joined last has nothing yet.
    await allOpen();
    await origin.publish(1);
    expect(await wronglyTold()).toEqual([]);
    expect(told.length).toBeGreaterThan(9);
    expect(origin.streams.open).toBe(1);
  });

  if (name !== "chromium") return;

  test("a leader that pauses while it is hidden leaves the lead, and gets what it missed when it is shown", async () => {
    const [pausing] = await openTabs(1);
    await pausing!.page.evaluate((ms) => window.startSharing(ms, 1), TAKEOVER_MS);
    await allOpen();
    const [shown] = await openTabs(2);
    await shown!.page.show();
    await until("another leader", async () => (await leader()) !== pausing);
    await until("a leader that has paused", async () => {
      await pausing!.read();
      return pausing!.state === "paused";
    });
    pausing!.leave();
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    await pausing!.page.show();
    tabs.push(pausing!);
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    expect([pausing!.numbers.length, pausing!.role]).toEqual([40, "follower"]);
  });

  test("a leader whose process crashes is followed by another", async () => {
    await openTabs(3);
    await allOpen();
    for (let count = 0; count < 2; count++) {
      await origin.publish(20);
      await (await leader()).crash();
      await origin.publish(20);
      await leader();
    }
    expect(await wronglyTold()).toEqual([]);
  });

  test("a leader that is frozen is followed by another at once, and follows it when it thaws", async () => {
    const frozen = await openThree();
    await frozen.page.freeze();
    frozen.leave();
    await origin.publish(20);
    await leader();
    expect(await wronglyTold()).toEqual([]);
    await frozen.page.thaw();
    await expectBack(frozen);
  });

  test("a leader that hangs loses its role, and follows when it recovers", async () => {
    const hung = await openThree();
    await hung.page.evaluate((ms) => window.hang(ms), 4 * TAKEOVER_MS);
    hung.leave();
    await origin.publish(20);
    await leader();
    expect(await wronglyTold()).toEqual([]);
    await expectBack(hung);
  });

  test("words of other scripts on the channel, and a lock that one of them steals, harm no tab", async () => {
    await openThree();
    for (const tab of tabs) await tab.page.evaluate(() => window.speakNonsense());
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    await tabs[0]!.page.evaluate(() => window.stealLock());
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    await leader();
  });

  async function openThree(): Promise<Tab> {
    await openTabs(3);
    await allOpen();
    await origin.publish(20);
    return leader();
  }

  async function expectBack(tab: Tab): Promise<void> {
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    tabs.push(tab);
    await origin.publish(20);
    expect(await wronglyTold()).toEqual([]);
    expect(tab.numbers).toHaveLength(80);
    // It learns late, on a busy machine, that another has taken its place.
    await until("a tab that follows", async () => {
      await wronglyTold();
      return tab.role === "follower";
    });
    await until("one connection", () => origin.streams.open === 1);
  }
});
