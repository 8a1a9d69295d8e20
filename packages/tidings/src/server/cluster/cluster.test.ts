/** Hubs in one process that share a log as processes do. Real processes, killed, are in test/engines/cluster.test.ts. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { sharedLog } from "../../../../../test/support/shared-log.ts";
import type { Draft } from "../../log/log.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import { PROCESSES_TOPIC } from "../topics/reserved-topics.ts";

const { serve, read } = openForTests();
const who = (at: URL): { subscriber?: string } => {
  const name = at.searchParams.get("who");
  return name === null ? {} : { subscriber: name };
};
const record = (kind: string, fields: object): { topic: string; body: Uint8Array } => ({
  topic: PROCESSES_TOPIC,
  body: new TextEncoder().encode(`event: ${kind}\ndata: ${JSON.stringify(fields)}\n\n`),
});
const SOON: HubOptions = { presence: { coalesceMs: 5 }, cluster: { leaseMs: 1_000 } };

afterEach(() => vi.restoreAllMocks());

/** Beyond that, a timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

it.each([Infinity, 1e12])("inspects for as long as a timer can wait, where it may take %s ms", async (ms) => {
  const timers = vi.spyOn(globalThis, "setTimeout");
  const shared = sharedLog();
  const one = await serve({ cluster: true, log: shared.open() }, who);
  await serve({ cluster: true, log: shared.open() }, who);
  await until(() => one.hub.processes().length === 2);
  const { id } = await one.hub.publish("a", { data: 1 });
  expect((await one.hub.inspect(id, { everywhere: true, timeoutMs: ms })).silent).toEqual([]);
  const waits = timers.mock.calls.map(([, wait]) => wait ?? 0);
  expect(waits.filter((wait) => wait > LONGEST_MS)).toEqual([]);
  expect(waits).toContain(LONGEST_MS);
});

it("inspects what it can when the log stands still", async () => {
  const shared = sharedLog();
  const log = shared.open();
  const one = await serve({ cluster: { name: "one" }, log }, who);
  await serve({ cluster: { name: "two" }, log: shared.open() }, who);
  await until(() => one.hub.processes().length === 2);
  const { id } = await one.hub.publish("a", { data: 1 });
  const append = vi.spyOn(log, "append").mockImplementation(() => new Promise<never>(() => undefined));
  expect((await one.hub.inspect(id, { everywhere: true, timeoutMs: 5 })).silent).toEqual(["two"]);
  append.mockRestore();
});

describe("presence", () => {
  it.each([false, true])(
    "counts streams and subscribers over all processes (a log that is asked what to hand on: %s)",
    async (follow) => {
      const shared = sharedLog(follow);
      const [one, two] = [
        await serve({ ...SOON, log: shared.open() }, who),
        await serve({ ...SOON, log: shared.open() }, who),
      ];
      const ann = await read(`${one.url}?topic=a&topic=b&who=ann`);
      const annAgain = await read(`${two.url}?topic=a&who=ann`);
      const bob = await read(`${two.url}?topic=a&who=bob`);
      await read(`${two.url}?topic=a`);
      for (const { hub } of [one, two]) {
        await until(() => hub.presence("a").streams === 4);
        expect(hub.presence("a")).toEqual({
          streams: 4,
          members: expect.arrayContaining(["ann", "bob"]),
          isPartial: false,
        });
        expect(hub.presence("a").members).toHaveLength(2);
        expect(hub.presence("b")).toEqual({ streams: 1, members: ["ann"], isPartial: false });
        expect(hub.presence("c")).toEqual({ streams: 0, members: [], isPartial: false });
      }
      // One that begins later is told by the others.
      const three = await serve({ ...SOON, log: shared.open() }, who);
      await until(() => three.hub.presence("a").streams === 4);
      bob.cut();
      annAgain.cut();
      for (const { hub } of [one, two, three]) await until(() => hub.presence("a").streams === 2);
      expect(three.hub.presence("a").members).toEqual(["ann"]);
      ann.cut();
      for (const { hub } of [one, two, three]) await until(() => hub.presence("a").streams === 1);
      expect(one.hub.presence("a").members).toEqual([]);
    },
  );

  it("is an event for those that select it: who joined the first stream and left the last, once", async () => {
    const shared = sharedLog();
    const [one, two] = [
      await serve({ ...SOON, log: shared.open() }, who),
      await serve({ ...SOON, log: shared.open() }, who),
    ];
    const watcher = await serve({ ...SOON, log: shared.open() }, { topics: [{ presence: "a" }] });
    const watching = await read(watcher.url);
    // One that does not know another yet takes for a join what is none.
    for (const { hub } of [one, two, watcher]) await until(() => hub.processes().length === 3);
    const both = [await read(`${one.url}?topic=a&who=ann`), await read(`${two.url}?topic=a&who=ann`)];
    await until(() => watcher.hub.presence("a").streams === 2);
    both[0]!.cut();
    await until(() => watcher.hub.presence("a").streams === 1);
    const bob = await read(`${one.url}?topic=a&who=bob`);
    await until(() => watcher.hub.presence("a").streams === 2);
    both[1]!.cut();
    bob.cut();
    await until(() => watcher.hub.presence("a").streams === 0);
    await watching.until(
      () =>
        watching.messages.flatMap(({ data }) => (JSON.parse(data) as { left: string[] }).left).length === 2,
    );
    type Data = { topic: string; joined: string[]; left: string[] };
    const events = watching.messages.map(({ data }) => JSON.parse(data) as Data);
    expect(new Set(watching.messages.map(({ event }) => event))).toEqual(new Set(["presence"]));
    expect(events[0]).toMatchObject({ topic: "a", joined: ["ann"], left: [], members: 1 });
    expect(events.flatMap(({ joined }) => joined)).toEqual(["ann", "bob"]);
    expect(events.flatMap(({ left }) => left).sort()).toEqual(["ann", "bob"]);
  });

  it("passes over what came to the log after the time that its key says: live, for who returns, and in hub.read", async () => {
    const shared = sharedLog();
    const presence = { topics: [{ presence: "a" }] };
    const { hub, url } = await serve({ ...SOON, log: shared.open() }, presence);
    await until(() => hub.processes().length === 1);
    const start = hub.stats().cursor;
    const [watching, slow] = [await read(url), hub.read({ ...presence, after: start })];
    const event = (untilMs: number, data: string): Draft => ({
      topic: "$tidings/presence/a",
      key: `presence/${untilMs}/1/1`,
      body: new TextEncoder().encode(`event: presence\ndata: ${data}\n\n`),
    });
    const [late, soon] = [Date.now() - 1_000, Date.now() + 60_000];
    await shared.inner.append([event(late, "late")]);
    await shared.inner.append([event(soon, "one"), event(late, "late"), event(soon, "two")]);
    await watching.messagesUntil(2);
    expect(watching.data).toEqual(["one", "two"]);
    // One that begins later has to read the log.
    const later = await serve({ ...SOON, log: shared.open() }, presence);
    const returned = await read(later.url, start);
    await returned.messagesUntil(2);
    expect(returned.data).toEqual(["one", "two"]);
    const found = [await slow.next(), await slow.next()];
    expect(found.map(({ value }) => value?.data)).toEqual(["one", "two"]);
    await slow.return?.();
    const again = later.hub.read({ ...presence, after: start });
    expect((await again.next()).value?.data).toBe("one");
    await again.return?.();
  });

  it("follows the topics of a stream that change, and counts those it is kept of", async () => {
    const { hub, url, subscriptions } = await serve(
      { presence: { coalesceMs: 5, topics: [{ pattern: "room/*" }] } },
      who,
    );
    await read(`${url}?topic=room/1&topic=other&who=ann`);
    await until(() => hub.presence("room/1").streams === 1);
    await subscriptions[0]!.update({ add: ["room/2", { presence: "room/2" }], remove: ["room/1"] });
    await until(() => hub.presence("room/2").streams === 1);
    expect([hub.presence("room/1").streams, hub.presence("other").streams]).toEqual([0, 0]);
  });

  it("is bounded: what is beyond is not counted, and said", async () => {
    const { hub, url } = await serve({ presence: { coalesceMs: 5, maxTopics: 2, maxMembers: 2 } }, who);
    for (const topic of ["a", "b", "c"]) await read(`${url}?topic=${topic}&who=ann`);
    await read(`${url}?topic=a&who=bob`);
    await until(() => hub.presence("a").streams === 2);
    expect([hub.presence("a").members, hub.presence("b").streams, hub.presence("c").streams]).toEqual([
      ["ann"],
      1,
      0,
    ]);
  });

  it("leaves with a process that drains at once, and with one that falls silent within its lease", async () => {
    const shared = sharedLog();
    const dead = shared.open();
    const [one, two, three] = [
      await serve({ ...SOON, log: shared.open() }, who),
      await serve({ ...SOON, log: dead }, who),
      await serve({ ...SOON, log: shared.open() }, who),
    ];
    const watcher = await serve({ ...SOON, log: shared.open() }, { topics: [{ presence: "a" }] });
    const watching = await read(watcher.url);
    await read(`${two.url}?topic=a&who=bob`);
    await read(`${three.url}?topic=a&who=cat`);
    await until(() => one.hub.presence("a").streams === 2);
    expect(
      one.hub
        .processes()
        .map(({ isSelf }) => isSelf)
        .filter(Boolean),
    ).toHaveLength(1);
    await three.close();
    await until(() => one.hub.presence("a").streams === 1);
    dead.cut();
    await until(() => one.hub.presence("a").streams === 0);
    expect(one.hub.processes()).toHaveLength(2);
    await watching.until(
      () =>
        watching.messages.flatMap(({ data }) => (JSON.parse(data) as { left: string[] }).left).length === 2,
    );
    // It was not dead after all, and is back with what it has.
    dead.heal();
    await until(() => one.hub.presence("a").streams === 1);
    expect(one.hub.presence("a").members).toEqual(["bob"]);
    await until(() => two.hub.presence("a").streams === 1);
    expect(one.hub.processes()).toHaveLength(3);
  }, 30_000);

  it("takes what makes sense of another's records, and no more", async () => {
    const shared = sharedLog();
    const { hub, errors } = await serve({ ...SOON, log: shared.open() });
    await until(() => hub.processes().length === 1);
    await shared.inner.append([
      record("hello", {
        id: "x",
        name: "newer",
        leaseMs: 1e9,
        more: true,
        stats: { streams: "many", opened: 7 },
      }),
      record("presence", { process: "x", topics: [["a", 2, ["ann"], []]], newer: 1 }),
      record("presence", { process: "unknown", topics: [["a", 9, ["eve"], []]] }),
      record("presence", { process: "x", topics: [["$tidings/control", 1, ["ann"], []]] }),
      record("presence", { process: "x", topics: [["a", "1", [7], []]] }),
      record("alive", { id: 7 }),
    ]);
    await until(() => hub.processes().length === 2 && errors.length === 3);
    expect(hub.presence("a")).toEqual({ streams: 2, members: ["ann"], isPartial: false });
    const [, other] = hub.processes();
    expect(other).toMatchObject({ name: "newer", isSelf: false, stats: { streams: 0, opened: 7 } });
  });

  it("is off unless it is wanted", async () => {
    const { hub, url, subscriptions } = await serve({}, (at) =>
      at.searchParams.has("all") ? {} : { topics: [{ presence: "a" }] },
    );
    expect((await read(url)).status).toBe(400);
    await read(`${url}?all&topic=a`);
    await until(() => subscriptions.length === 1);
    const update = subscriptions[0]!.update({ add: [{ presence: "a" }] });
    await expect(update).rejects.toThrow("presence is off, expected createHub({ presence: true })");
    expect(() => hub.read({ topics: [{ presence: "a" }] })).toThrow("presence is off");
    expect(() => hub.presence("a")).toThrow("expected createHub({ presence: true })");
    expect(() => hub.processes()).toThrow("expected createHub({ cluster: true })");
    await expect(hub.inspect("a.1", { everywhere: true })).rejects.toThrow(
      "expected createHub({ cluster: true })",
    );
    expect((await hub.publish("a", { data: 1 })).id).toMatch(/\.1$/);
  });
});

describe("processes", () => {
  it("have names and counts, which are as old as their last sign of life", async () => {
    const shared = sharedLog();
    const names = ["web-1", "web-2"];
    const hubs = await Promise.all(
      names.map((name) => serve({ log: shared.open(), cluster: { name, leaseMs: 1_000 } }, who)),
    );
    await read(`${hubs[1]!.url}?topic=a`);
    await until(() => hubs[0]!.hub.processes().some(({ isSelf, stats }) => !isSelf && stats.streams === 1));
    const processes = hubs[0]!.hub.processes();
    expect(new Set(processes.map(({ name }) => name))).toEqual(new Set(names));
    for (const { ageMs, stats } of processes) {
      expect(ageMs).toBeLessThanOrEqual(1_000);
      expect(Object.keys(stats)).toContain("deliveries");
    }
  });
});

describe("inspect everywhere", () => {
  it("finds a stream in any process, and names those that do not answer in time", async () => {
    const shared = sharedLog();
    const silent = shared.open();
    const cluster = (name: string): HubOptions => ({ cluster: { name } });
    const one = await serve({ ...cluster("one"), log: shared.open() }, who);
    const two = await serve({ ...cluster("two"), log: shared.open() }, who);
    const three = await serve({ ...cluster("three"), log: silent }, who);
    await until(() => one.hub.processes().length === 3 && three.hub.processes().length === 3);
    const ann = await read(`${two.url}?topic=a&topic=b&who=ann`);
    await read(`${one.url}?topic=b&who=bob`);
    const { id } = await one.hub.publish("a", { data: "1" });
    await ann.messagesUntil(1);
    const found = await one.hub.inspect(id, { everywhere: true, timeoutMs: 20_000 });
    expect(found).toMatchObject({ message: "retained", topic: "a", silent: [] });
    expect(found.streams.map(({ process, subscriber, verdict }) => [process, subscriber, verdict])).toEqual(
      expect.arrayContaining([
        ["two", "ann", "sent"],
        ["one", "bob", "not-selected"],
      ]),
    );
    silent.cut();
    const some = await one.hub.inspect(id, { everywhere: true, subscriber: "ann", timeoutMs: 200 });
    expect(some.silent).toEqual(["three"]);
    expect(some.streams).toEqual([expect.objectContaining({ process: "two", topics: ["a", "b"] })]);
    silent.heal();
  });

  it("asks 16 at once at most, and takes from answers what makes sense", async () => {
    const shared = sharedLog();
    const { hub, errors } = await serve({ log: shared.open(), cluster: true });
    await shared.inner.append([record("hello", { id: "x", name: "x", leaseMs: 600_000 })]);
    await until(() => hub.processes().length === 2);
    const asked = Array.from({ length: 16 }, () => hub.inspect("a.1", { everywhere: true, timeoutMs: 200 }));
    await until(() => hub.processes().length === 2);
    await new Promise((resolve) => void setImmediate(resolve));
    await expect(hub.inspect("a.1", { everywhere: true })).rejects.toMatchObject({ code: "too-fast" });
    await shared.inner.append([
      record("inspected", { request: "none", process: "x", streams: 7 }),
      record("inspect", { request: "r", process: "x", id: 7 }),
      record("inspect", { request: "r", process: "x", id: "a.1" }),
    ]);
    await until(() => errors.length === 1);
    for (const found of await Promise.all(asked)) expect(found.silent).toEqual(["x"]);
  });
});

describe("options", () => {
  it.each<[HubOptions, string]>([
    [{ cluster: 7 as never }, "cluster is 7, expected true, false or an object"],
    [{ cluster: { leaseMs: 10 } }, "cluster.leaseMs is 10, expected 1000 to 600000"],
    [{ cluster: { name: "" } }, 'cluster.name is "", expected text of 1 to 100 characters'],
    [{ cluster: { leasems: 1 } as never }, "there is no option cluster.leasems, expected cluster.leaseMs"],
    [{ presence: { coalesceMs: 0 } }, "presence.coalesceMs is 0, expected a number above 0"],
    [{ presence: { coalesceMs: Infinity } }, "presence.coalesceMs is Infinity, expected 600000 or less"],
    [{ presence: { topic: ["a"] } as never }, "there is no option presence.topic, expected presence.topics"],
  ])("refuses %j", async (options, message) => {
    await expect(serve(options)).rejects.toThrow(message);
  });
});
