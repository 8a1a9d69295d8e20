import { describe, expect, it } from "vitest";
import { describeLog } from "./contract.ts";
import { memoryLog } from "./memory.ts";
import type { Entry } from "./log.ts";

describeLog("memoryLog()", ({ now }) => memoryLog({ now }), { describe, it });

const draft = (topic: string) => ({ topic, body: new TextEncoder().encode("data: x\n\n") });
const all = { matches: () => true };

describe("memoryLog()", () => {
  it("is conservative about topics that it no longer remembers: a possible loss is told", async () => {
    const log = memoryLog({ emptyTopics: 2 });
    await log.open({ retention: { messages: 1, bytes: 1_000, ageMs: 1_000 }, onEntries() {} });
    for (const topic of ["a", "b", "c", "d", "e"]) await log.append([draft(topic)]);
    const read = (topic: string, after: number) =>
      log.read({
        topics: { exact: [topic], matches: (t) => t === topic },
        after,
        maxMessages: 9,
        maxBytes: 99,
      });
    // a and b are forgotten; whoever asks for an unknown topic may have lost something up to b's entry, no further.
    expect((await read("a", 0)).lostThrough).toBe(2);
    expect((await read("unknown", 0)).lostThrough).toBe(2);
    expect((await read("unknown", 2)).lostThrough).toBeLessThanOrEqual(2);
    expect((await read("d", 0)).lostThrough).toBe(4);
    await log.append([draft("a")]);
    expect((await read("a", 0)).entries.map(({ offset }) => offset)).toEqual([6]);
  });

  it("forgets idempotency keys by number and by age", async () => {
    let ms = 0;
    const log = memoryLog({ idempotencyKeys: 2, idempotencyAgeMs: 100, now: () => ms });
    await log.open({ retention: { messages: 100, bytes: 1_000, ageMs: 1_000 }, onEntries() {} });
    const append = async (idempotencyKey: string) =>
      (await log.append([draft("a")], { idempotencyKey })).repeated;
    expect([await append("1"), await append("2"), await append("3")]).toEqual([false, false, false]);
    expect([await append("3"), await append("2"), await append("1")]).toEqual([true, true, false]);
    ms = 101;
    expect([await append("1"), await append("1")]).toEqual([false, true]);
  });

  it("reads by pattern in bounded steps, however little matches", async () => {
    const log = memoryLog();
    await log.open({ retention: { messages: 50_000, bytes: 10_000_000, ageMs: 1_000_000 }, onEntries() {} });
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
    expect(pages).toBe(3);
    expect(seen.map(({ offset }) => offset)).toEqual([12_001]);
  });

  it("does not grow by entries that only their topic discarded", async () => {
    const log = memoryLog();
    const forTopic = (topic: string) => (topic === "busy" ? { messages: 1 } : undefined);
    await log.open({
      retention: { messages: 100, bytes: 10_000, ageMs: 1_000_000, forTopic },
      onEntries() {},
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
    const options = { retention: { messages: 1, bytes: 1, ageMs: 1 }, onEntries() {} };
    await log.open(options);
    await expect(log.open(options)).rejects.toThrow(/open already/);
  });
});
