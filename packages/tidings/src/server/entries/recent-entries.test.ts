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
  recent.add([entry(1, "a"), entry(2, "b"), entry(3, "a")]);
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
  recent.add(topics.map((topic, n) => entry(n + 1, topic)));
  expect(recent.messages).toBe(256);
  expect(recent.acquire(select("user/43"), "another")[0]!.floor).toBe(300);
  expect(recent.acquire(select("user/44"), "another")[0]!.floor).toBe(0);
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
