import { expect, test } from "vitest";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { createHub } from "../index.ts";
import { RecentEntries } from "./recent-entries.ts";
import { selectTopics } from "../topics/topic-selection.ts";

const LIMITS = { messages: 1000, bytes: 1e6 };
const entry = (offset: number, topic: string) => ({
  offset,
  topic,
  atMs: 0,
  body: new TextEncoder().encode("data: x\n\n"),
});
const select = (...topics: (string | { pattern: string })[]) => selectTopics(topics, Infinity);

test("a topic whose streams have all left is kept on, so that they find what came meanwhile", () => {
  const recent = new RecentEntries<string>("e", 0, LIMITS);
  for (const selection of [select("a"), select({ pattern: "a" })]) {
    recent.release(recent.acquire(selection, "one"), "one");
    expect(recent.routes).toBe(0);
  }
  recent.add({ after: 0, through: 3, entries: [entry(1, "a"), entry(2, "b"), entry(3, "a")] });
  for (const selection of [select("a"), select({ pattern: "a" })]) {
    const [route] = recent.acquire(selection, "another");
    expect([route!.floor, route!.entries.at(0)?.offset, route!.entries.at(1)?.offset]).toEqual([0, 1, 3]);
  }
  expect([recent.routes, recent.messages]).toEqual([2, 2]);
});

test("of those, the 256 that were left last", () => {
  const recent = new RecentEntries<string>("e", 0, LIMITS);
  const topics = Array.from({ length: 300 }, (_, n) => `user/${n}`);
  for (const topic of topics) recent.release(recent.acquire(select(topic), "one"), "one");
  recent.add({ after: 0, through: 300, entries: topics.map((topic, n) => entry(n + 1, topic)) });
  expect(recent.messages).toBe(256);
  expect(recent.acquire(select("user/43"), "another")[0]!.floor).toBe(300);
  expect(recent.acquire(select("user/44"), "another")[0]!.floor).toBe(0);
});

test("offsets that do not come are of topics that are not followed; what was not handed on has to be read", () => {
  const recent = new RecentEntries<string>("e", 0, LIMITS);
  const [route] = recent.acquire(select("a"), "one");
  recent.add({ after: 0, through: 9, entries: [entry(3, "a"), entry(7, "a")] });
  expect([route!.floor, route!.entries.length, recent.head]).toEqual([0, 2, 9]);
  recent.takeDirty();
  recent.add({ after: 12, through: 15, entries: [entry(14, "a")] });
  expect([route!.floor, route!.entries.length, recent.head]).toEqual([12, 1, 15]);
  recent.takeDirty();
  // Also where nothing follows.
  recent.add({ after: 20, through: 20, entries: [] });
  expect([route!.floor, recent.takeDirty()]).toEqual([20, [route]]);
});

test("a topic that is not followed yet is read from the log, and from what is recent afterwards", () => {
  const recent = new RecentEntries<string>("e", 5, { ...LIMITS, messages: 1 });
  const [wanted, dropped]: string[][] = [[], []];
  recent.interest = { add: ({ name }) => wanted!.push(name), remove: ({ name }) => dropped!.push(name) };
  const routes = recent.acquire(select("a", { pattern: "b/*" }), "one");
  expect(wanted).toEqual(["a", "b/*"]);
  recent.add({ after: 5, through: 8, entries: [entry(7, "a"), entry(8, "a")] });
  expect(routes.map(({ floor }) => floor)).toEqual([Infinity, Infinity]);
  recent.takeDirty();
  recent.followed(routes, 6);
  // 7 did not fit.
  expect(routes.map(({ floor }) => floor)).toEqual([7, 6]);
  expect(recent.takeDirty()).toEqual(routes);
  recent.release(routes, "one");
  for (let i = 0; i < 256; i += 1) recent.release(recent.acquire(select(`user/${i}`), "one"), "one");
  expect(dropped).toEqual(["a", "b/*"]);
});

test("streams that leave together and return together do not each read the log", async () => {
  const log = memoryLog();
  let reads = 0;
  const hub = createHub({
    log: {
      open: (options) => log.open(options),
      append: (drafts, options) => log.append(drafts, options),
      read(request) {
        reads += 1;
        return log.read(request);
      },
      head: () => log.head(),
      stats: () => log.stats(),
      close: () => log.close(),
    },
  });
  const subscribe = async (lastEventId?: string) => {
    const headers = new Headers(lastEventId === undefined ? [] : [["last-event-id", lastEventId]]);
    const leave = new AbortController();
    const request = new Request("http://127.0.0.1/", { headers, signal: leave.signal });
    const response = await hub.respond(request, { topics: ["a"] });
    return { reader: response.body!.getReader(), leave };
  };
  const text = ({ value }: { value?: Uint8Array | undefined }) => new TextDecoder().decode(value);

  const before = await subscribe();
  const [, cursor] = /^id: (.*)$/m.exec(text(await before.reader.read()))!;
  before.leave.abort();
  await expect.poll(() => hub.stats().streams).toBe(0);
  for (const data of ["1", "2"]) await hub.publish("a", { data });
  for (let n = 0; n < 3; n += 1) {
    const { reader, leave } = await subscribe(cursor);
    expect(text(await reader.read()).match(/^data: .*$/gm)).toEqual(["data: 1", "data: 2"]);
    leave.abort();
  }
  expect(reads).toBe(0);
  await hub.drain({ overMs: 0, graceMs: 1 });
});

test("one publish to many topics asks costly patterns a bounded part, and their streams get everything from the log, in order", async () => {
  const log = memoryLog();
  let [reads, asked] = [0, 0];
  const hub = createHub({
    log: {
      open: (options) => log.open(options),
      append: (drafts, options) => log.append(drafts, options),
      read(request) {
        reads += 1;
        return log.read(request);
      },
      head: () => log.head(),
      stats: () => log.stats(),
      close: () => log.close(),
    },
  });
  const readers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      // One in ten matches everything.
      const pattern = i % 10 === 1 ? `:r${i}/*/pri*` : `:r/*${i}*/pri*${i}`;
      const topics = [i === 0 ? "shop/7/price" : { pattern }];
      const { body } = await hub.respond(new Request("http://a/"), { topics });
      return body!.getReader();
    }),
  );
  const texts = readers.map(() => "");
  for (const [i, reader] of readers.entries()) {
    void (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        texts[i] += new TextDecoder().decode(value);
      }
    })();
  }
  asked = reads;
  const drafts = (n: number) =>
    Array.from({ length: 500 }, (_, i) => ({ topic: `shop/${i}/price`, data: `${n}.${i}` }));
  await hub.publish(drafts(1));
  await hub.publish(drafts(2));
  const all = [...drafts(1), ...drafts(2)].map(({ data }) => data);
  const dataOf = (text: string): string[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!);
  await expect.poll(() => dataOf(texts[0]!)).toEqual(["1.7", "2.7"]);
  for (let i = 1; i < 200; i += 10) await expect.poll(() => dataOf(texts[i]!)).toEqual(all);
  expect(reads - asked).toBeGreaterThan(0);
  expect(texts.join("")).not.toContain("event: gap");
  await hub.drain({ overMs: 0, graceMs: 100 });
});

test("what the routes hold is bounded together: each of many may hold every message", () => {
  const recent = new RecentEntries<number>("e", 0, { messages: 16_384, bytes: 1e9 });
  const routes = Array.from(
    { length: 500 },
    (_, i) => recent.acquire(select({ pattern: "*" }, { pattern: `a/${i}` }), i)[0]!,
  );
  for (let n = 0; n < 10; n += 1) {
    const entries = Array.from({ length: 1_000 }, (_, i) => entry(n * 1_000 + i + 1, "a/1"));
    recent.add({ after: n * 1_000, through: (n + 1) * 1_000, entries });
  }
  const held = routes.reduce((sum, { entries }) => sum + entries.length, 0);
  expect(held).toBeLessThanOrEqual(4_000_000);
  expect(held).toBeGreaterThan(3_900_000);
  expect(routes[0]!.floor).toBe(2_000);
});
