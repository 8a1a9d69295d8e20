import { describe, expect, test } from "vitest";

import { chanceFrom, createShareWorld, type Tab } from "../../../../test/support/share-world.ts";

const upTo = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);

describe("share()", () => {
  test("reads once for all tabs, and tells each of them everything", async () => {
    const world = createShareWorld(chanceFrom(1));
    for (let count = 0; count < 12; count++) await world.open();
    await world.advance(1000);
    world.publish(100);
    await world.advance(1000);
    for (const { numbers } of world.tabs) expect(numbers).toEqual(upTo(1, 100));
    expect(world.mostConnections).toBe(1);
    expect(world.tabs.map(({ connection }) => connection.role)).toEqual(["leader", ...Array<string>(11).fill("follower")]);
    expect(world.tabs.map(({ connection }) => [connection.state, connection.lastEventId])).toEqual(
      Array<unknown>(12).fill(["open", world.cursorOf(100)]),
    );
  });
});

describe.each(["cursors", "opaque"] as const)("with ids that are %s", (ids) => {
  test("random joins, closes, crashes, freezes, cuts and slow readers lose nothing, double nothing and change no order", async () => {
    for (let seed = Number(process.env["FROM"] ?? 1); seed <= Number(process.env["SEEDS"] ?? 300); seed++) {
      const story: string[] = [];
      try {
        await simulate(seed, ids, story);
      } catch (error) {
        throw new Error(`seed ${seed}: ${story.join(", ")}`, { cause: error });
      }
    }
  }, 120_000);
});

async function simulate(seed: number, ids: "cursors" | "opaque", story: string[]): Promise<void> {
  const chance = chanceFrom(seed * 2654435761);
  const world = createShareWorld(chance, ids);
  const begins = new Map<Tab, number>();
  const options = { maxRecentMessages: 8, maxQueuedMessages: 6, takeoverMs: 10_000, retry: { baseMs: 100 } };
  const some = (of: (tab: Tab) => boolean): Tab | undefined => {
    const those = world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed" && of(tab));
    return those[chance(those.length)];
  };
  const actions: Record<string, () => unknown> = {
    open: async () => {
      if (world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed").length > 6) return;
      const from = chance(2) === 0 ? undefined : chance(world.head + 1);
      const tab = await world.open({
        ...options,
        ...(process.env["SHOW"] && ((n: number) => ({ trace: (entry: object) => console.log(n, JSON.stringify(entry)) }))(world.tabs.length)),
        ...(from !== undefined && { lastEventId: world.cursorOf(from) }),
        ...(chance(4) === 0 && { begin: "request" }),
      });
      if (from !== undefined) begins.set(tab, from + 1);
    },
    publish: () => world.publish(1 + chance(4)),
    burst: () => world.publish(chance(20)),
    close: () => some(() => true)?.connection.close(),
    crash: () => some(() => true)?.crash(),
    "crash leader": () => some(({ connection }) => connection.role === "leader")?.crash(),
    freeze: () => some(({ frozen }) => !frozen)?.freeze(chance(2) === 0),
    "freeze leader": () =>
      some(({ frozen, connection }) => !frozen && connection.role === "leader")?.freeze(chance(2) === 0),
    thaw: () => some(({ frozen }) => frozen)?.thaw(),
    hold: () => some(() => true)?.hold(),
    "let go": () => some(() => true)?.letGo(),
    cut: () => world.cut(),
    advance: () => world.advance(chance(20_000)),
  };
  const names = Object.keys(actions);
  for (let count = 10 + chance(40); count > 0; count--) {
    const name = chance(3) === 0 ? ["open", "publish"][chance(2)]! : names[chance(names.length)]!;
    story.push(name);
    await actions[name]!();
    await world.run(chance(12));
  }
  for (const tab of world.tabs) {
    if (tab.frozen && !tab.dead) tab.thaw();
    tab.letGo();
  }
  await world.advance(60_000);
  world.publish();
  await world.advance(60_000);
  if (process.env["SHOW"]) for (const { connection, numbers, dead } of world.tabs) console.log(dead, connection.role, connection.state, connection.lastEventId, numbers.at(-1), world.head, await Promise.race([connection.ended, 1]));

  const living = world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed");
  for (const tab of world.tabs) {
    const { numbers } = tab;
    const first = begins.get(tab) ?? numbers[0] ?? 1;
    const last = living.includes(tab) ? world.head : (numbers.at(-1) ?? first - 1);
    expect(numbers, `tab ${world.tabs.indexOf(tab)} (${tab.connection.role})`).toEqual(upTo(first, last));
  }
  expect(world.connections).toBe(living.length > 0 ? 1 : 0);
  expect(living.filter(({ connection }) => connection.role === "leader")).toHaveLength(living.length > 0 ? 1 : 0);
  for (const tab of living) tab.connection.close();
  await world.run(Infinity);
  expect([world.connections, world.locks, world.channels]).toEqual([0, 0, 0]);
  for (const { timers } of world.tabs) expect(timers).toBe(0);
}
