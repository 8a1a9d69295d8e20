import { afterEach, describe, expect, it } from "vitest";
import type { Log, OpenLogOptions } from "../../log/log.ts";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { createHub } from "../hub/create-hub.ts";
import type { Hub } from "../hub/hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { ReadTopicsOptions, TopicMessage } from "./read-topics.ts";

const hubs: Hub[] = [];
afterEach(async () => {
  for (let hub = hubs.pop(); hub !== undefined; hub = hubs.pop()) await hub.drain({ overMs: 0 });
});

function open(options: HubOptions = {}): Hub {
  const hub = createHub(options);
  hubs.push(hub);
  return hub;
}

/** The next `count` messages. */
async function take(hub: Hub, count: number, options: ReadTopicsOptions): Promise<TopicMessage[]> {
  const messages: TopicMessage[] = [];
  for await (const message of hub.read(options)) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

/** A log that passes everything on to another. */
function delegate(current: () => Log, onOpen?: (options: OpenLogOptions) => void): Log {
  return {
    open(options) {
      onOpen?.(options);
      return current().open(options);
    },
    append: (drafts, options) => current().append(drafts, options),
    read: (request) => current().read(request),
    head: () => current().head(),
    stats: () => current().stats(),
    close: () => current().close(),
  };
}

const dataOf = (messages: readonly TopicMessage[]): string[] => messages.map(({ data }) => data);

describe("hub.read()", () => {
  it("lets others have a turn while it reads much, from memory as well", async () => {
    const hub = open({ recent: { messages: 100 } });
    await Promise.all(Array.from({ length: 8000 }, (_, data) => hub.publish("a", { data })));
    let turns = 0;
    let next = setImmediate(function again() {
      turns += 1;
      next = setImmediate(again);
    });
    await take(hub, 8000, { topics: ["a"], from: "earliest" });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(10);
  });

  it("yields what comes, with topic, event type and cursor", async () => {
    const hub = open();
    const reading = take(hub, 2, { topics: ["a", { pattern: "b/:id" }] });
    await new Promise((resolve) => void setTimeout(resolve));
    await hub.publish("c", { data: 0 });
    const { id } = await hub.publish("a", { event: "price", data: { bid: 1 } });
    await hub.publish("b/1", { data: "x" });
    expect(await reading).toEqual([
      { id, topic: "a", event: "price", data: '{"bid":1}' },
      { id: expect.any(String), topic: "b/1", event: "message", data: "x" },
    ]);
  });

  it("reads on from a cursor, then as it comes: each once and in order", async () => {
    const hub = open({ recent: { messages: 10 } });
    const first = await hub.publish("a", { data: -1 });
    for (let i = 0; i < 1_000; i += 1) await hub.publish("a", { data: i });
    const reading = take(hub, 1_500, { topics: ["a"], after: first.id });
    for (let i = 1_000; i < 1_500; i += 1) await hub.publish(i % 2 === 0 ? "a" : "b", { data: i });
    for (let i = 1_500; i < 1_750; i += 1) await hub.publish("a", { data: i });
    const expected = Array.from({ length: 1_750 }, (_, i) => i).filter(
      (i) => i < 1_000 || i >= 1_500 || i % 2 === 0,
    );
    expect(dataOf(await reading)).toEqual(expected.map(String));
  });

  it("begins with the earliest, or with what comes", async () => {
    const hub = open();
    await hub.publish("a", { data: 1 });
    expect(dataOf(await take(hub, 1, { topics: ["a"], from: "earliest" }))).toEqual(["1"]);
    const live = take(hub, 1, { topics: ["a"] });
    await new Promise((resolve) => void setTimeout(resolve));
    await hub.publish("a", { data: 2 });
    expect(dataOf(await live)).toEqual(["2"]);
  });

  it.each([
    ["live", ["gap", "5"]],
    ["earliest", ["gap", "3", "4", "5"]],
  ] as const)("reports what is lost, then continues with %s", async (onGap, expected) => {
    const hub = open({ retention: { messages: 2 }, recent: { messages: 1 } });
    const { id } = await hub.publish("a", { data: 1 });
    for (const data of [2, 3, 4]) await hub.publish("a", { data });
    const reading = take(hub, expected.length, { topics: ["a"], after: id, onGap });
    await new Promise((resolve) => void setTimeout(resolve, 10));
    await hub.publish("a", { data: 5 });
    const messages = await reading;
    expect(messages.map(({ event, data }) => (event === "gap" ? "gap" : data))).toEqual(expected);
    expect(JSON.parse(messages[0]!.data)).toMatchObject({ from: id, reason: "retention" });
  });

  it("reports a cursor of another log", async () => {
    const hub = open();
    await hub.publish("a", { data: 1 });
    const [gap, message] = await take(hub, 2, { topics: ["a"], after: "other.7", onGap: "earliest" });
    expect([gap!.event, JSON.parse(gap!.data).reason, message!.data]).toEqual(["gap", "epoch", "1"]);
  });

  it("reports a log that was replaced, and continues with the new one", async () => {
    let current = memoryLog();
    let opened!: OpenLogOptions;
    const hub = open({
      log: delegate(
        () => current,
        (options) => (opened = options),
      ),
    });
    const { id } = await hub.publish("a", { data: 1 });
    const reading = take(hub, 3, { topics: ["a"], from: "earliest" });
    await new Promise((resolve) => void setTimeout(resolve, 10));
    await current.close();
    current = memoryLog();
    opened.onReset!(await current.open(opened));
    await new Promise((resolve) => void setTimeout(resolve, 10));
    await hub.publish("a", { data: 2 });
    const [, gap, message] = await reading;
    expect(JSON.parse(gap!.data)).toMatchObject({ from: id, reason: "epoch" });
    expect(message!.data).toBe("2");
  });

  it("reads a log whose tail hands on what is followed", async () => {
    const inner = memoryLog();
    const followed = new Set<string>();
    let through = 0;
    const log: Log = {
      ...delegate(() => inner),
      open: (options) =>
        inner.open({
          ...options,
          onTail(tail) {
            through = tail.through;
            const entries = tail.entries.filter(({ topic }) => followed.has(topic));
            options.onTail({ ...tail, entries });
          },
        }),
      async follow(topics) {
        await new Promise((resolve) => void setTimeout(resolve, 20));
        for (const topic of topics) followed.add(topic);
        return through;
      },
      unfollow: (topics) => {
        for (const topic of topics) followed.delete(topic);
      },
    };
    const hub = open({ log });
    const { id } = await hub.publish("a", { data: 0 });
    for (let i = 1; i <= 5; i += 1) await hub.publish("a", { data: i });
    const reading = take(hub, 20, { topics: ["a"], after: id });
    for (let i = 6; i <= 20; i += 1) {
      await new Promise((resolve) => void setTimeout(resolve, 3));
      await hub.publish(i % 2 === 0 ? "b" : "c", { data: "other" });
      await hub.publish("a", { data: i });
    }
    expect(dataOf(await reading)).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)));
  });

  it("ends with its signal, when it is left, and when the hub has drained", async () => {
    const hub = open();
    const abort = new AbortController();
    const next = hub.read({ topics: ["a"], signal: abort.signal }).next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    const left = hub.read({ topics: ["a"] });
    const waiting = left.next();
    await new Promise((resolve) => void setTimeout(resolve));
    await hub.publish("a", { data: 1 });
    await waiting;
    await left.return!();
    expect(hub.stats().routes).toBe(0);
    const last = hub.read({ topics: ["a"] }).next();
    await new Promise((resolve) => void setTimeout(resolve));
    await hub.drain({ overMs: 0 });
    expect(await last).toEqual({ done: true, value: undefined });
  });

  it.each<[object, RegExp]>([
    [{ topics: [] }, /there are no topics/],
    [{ topics: ["a"], after: 7 }, /after is 7/],
    [{ topics: ["a"], from: "begin" }, /from is "begin"/],
  ])("throws at the call for %j", (options, message) => {
    expect(() => open().read(options as ReadTopicsOptions)).toThrow(message);
  });
});

describe("leaving", () => {
  it("ends a loop that waits, and gives back what it holds: frameworks call return when a peer has gone", async () => {
    const hub = open();
    const loop = hub.read({ topics: ["a"] });
    const waiting = loop.next();
    await expect.poll(() => hub.stats().subscriberGroups).toBe(1);
    expect(await loop.return!()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect.poll(() => hub.stats().subscriberGroups).toBe(0);
  });

  it.each([new AbortController(), "signal", {}, null])(
    "refuses a signal that is none at the call, row %#",
    (signal) => {
      const hub = open();
      expect(() => hub.read({ topics: ["a"], signal: signal as never })).toThrow(
        /^Cannot read: signal is .*, expected an AbortSignal$/,
      );
    },
  );
});
