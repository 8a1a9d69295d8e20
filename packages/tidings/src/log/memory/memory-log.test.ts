import { describe, expect, it } from "vitest";
import { describeLog } from "../contract.ts";
import { memoryLog } from "./memory-log.ts";
import type { Entry, Selection } from "../log.ts";

describeLog("memoryLog()", ({ now }) => memoryLog({ now }), { describe, it });

const draft = (topic: string) => ({ topic, body: new TextEncoder().encode("data: x\n\n") });
const all = { matches: () => true };

describe("memoryLog()", () => {
  it("knows the losses of topics that it no longer remembers; a reader by pattern learns of a possible one", async () => {
    const log = memoryLog({ emptyTopics: 2 });
    await log.open({ retention: { messages: 1, bytes: 1_000, ageMs: 1_000 }, onTail() {} });
    for (const topic of ["a", "b", "c", "d", "e"]) await log.append([draft(topic)]);
    const lost = async (topics: Selection): Promise<number> =>
      (await log.read({ topics, after: 0, maxMessages: 9, maxBytes: 99 })).lostThrough;
    const named = (topic: string): Selection => ({ exact: [topic], matches: (t) => t === topic });
    // a and b are forgotten.
    expect([await lost(named("a")), await lost(named("b")), await lost(named("d"))]).toEqual([1, 2, 4]);
    expect(await lost(named("unknown"))).toBe(0);
    expect(await lost({ prefixes: ["unknown/"], matches: (t) => t.startsWith("unknown/") })).toBe(2);
    await log.append([draft("a")]);
    const page = await log.read({ topics: named("a"), after: 0, maxMessages: 9, maxBytes: 99 });
    expect(page.entries.map(({ offset }) => offset)).toEqual([6]);
  });

  it("lets many broad reads have a turn of the event loop each, and reads by name at once", async () => {
    const log = memoryLog();
    await log.open({ retention: { messages: 50_000, bytes: 10_000_000, ageMs: 1_000_000 }, onTail() {} });
    for (let i = 0; i < 10; i += 1) {
      await log.append(Array.from({ length: 1_000 }, (_, n) => draft(`${n}/${i}`)));
    }
    let asked = 0;
    const turns: number[] = [];
    let reading = true;
    const turn = (): void => {
      turns.push(asked);
      asked = 0;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    const topics: Selection = {
      prefixes: [""],
      matches: (topic) => {
        asked += 1;
        return topic === "500/5";
      },
    };
    const request = { after: 0, maxMessages: 1_000, maxBytes: 65_536 };
    const broad = Array.from({ length: 100 }, () => log.read({ topics, ...request }));
    let done = 0;
    for (const read of broad) void read.then(() => (done += 1));
    const named = { exact: ["500/5"], matches: (topic: string) => topic === "500/5" };
    expect((await log.read({ topics: named, ...request })).entries).toHaveLength(1);
    expect(done).toBeLessThan(100);
    await Promise.all(broad);
    reading = false;
    await new Promise(setImmediate);
    expect(turns.length).toBeGreaterThan(40);
    expect(Math.max(...turns)).toBeLessThan(15_000);
  });

  it("survives one reading of a clock that is a year ahead", async () => {
    let ms = 1_000_000;
    const errors: unknown[] = [];
    const log = memoryLog({ now: () => ms });
    const retention = { messages: 1_000, bytes: 100_000, ageMs: 1_000 };
    await log.open({ retention, onTail() {}, onError: (error) => errors.push(error) });
    for (let i = 0; i < 100; i += 1) await log.append([draft("a")]);
    ms += 365 * 86_400_000;
    await log.append([draft("a")]);
    ms -= 365 * 86_400_000;
    expect((await log.stats()).messages).toBe(101);
    expect(errors).toMatchObject([{ name: "LogError", code: "clock" }]);
    // Age goes on as well.
    ms += 5_000;
    expect((await log.stats()).messages).toBe(0);
  });

  it("forgets idempotency keys by number and by age", async () => {
    let ms = 0;
    const log = memoryLog({ idempotencyKeys: 2, idempotencyAgeMs: 100, now: () => ms });
    await log.open({ retention: { messages: 100, bytes: 1_000, ageMs: 1_000 }, onTail() {} });
    const append = async (idempotencyKey: string) =>
      (await log.append([draft("a")], { idempotencyKey })).repeated;
    expect([await append("1"), await append("2"), await append("3")]).toEqual([false, false, false]);
    expect([await append("3"), await append("2"), await append("1")]).toEqual([true, true, false]);
    ms = 101;
    expect([await append("1"), await append("1")]).toEqual([false, true]);
  });

  it("reads by pattern in bounded steps, however little matches", async () => {
    const log = memoryLog();
    await log.open({ retention: { messages: 50_000, bytes: 10_000_000, ageMs: 1_000_000 }, onTail() {} });
    await log.append(Array.from({ length: 12_000 }, () => draft("other")));
    await log.append([draft("wanted")]);
    const seen: Entry[] = [];
    let after = 0;
    let pages = 0;
    for (; after < 12_001; pages += 1) {
      const page = await log.read({
        topics: { matches: (t) => t === "wanted" },
        after,
        maxMessages: 9,
        maxBytes: 999,
      });
      seen.push(...page.entries);
      expect(page.through).toBeGreaterThan(after);
      after = page.through;
    }
    expect(pages).toBe(4);
    expect(seen.map(({ offset }) => offset)).toEqual([12_001]);
  });

  it("does not grow by entries that only their topic discarded", async () => {
    const log = memoryLog();
    const forTopic = (topic: string) => (topic === "busy" ? { messages: 1 } : undefined);
    await log.open({
      retention: { messages: 100, bytes: 10_000, ageMs: 1_000_000, forTopic },
      onTail() {},
    });
    await log.append([draft("quiet")]);
    for (let i = 0; i < 10_000; i += 1) await log.append([draft("busy")]);
    const { messages, oldest } = await log.stats();
    expect({ messages, oldest }).toEqual({ messages: 2, oldest: 1 });
    // One walk over everything it holds ends in one step: the dead are gone.
    const page = await log.read({ topics: all, after: 0, maxMessages: 9, maxBytes: 999 });
    expect(page.entries.map(({ offset }) => offset)).toEqual([1, 10_001]);
    expect(page.through).toBe(10_001);
  });

  it("serves one hub", async () => {
    const log = memoryLog();
    const options = { retention: { messages: 1, bytes: 1, ageMs: 1 }, onTail() {} };
    await log.open(options);
    await expect(log.open(options)).rejects.toThrow(/open already/);
  });
});
