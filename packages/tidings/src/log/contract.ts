/**
 * What every log must do, as a test suite: run it against your own.
 *
 *     import { describe, it } from "vitest"; // or node:test, or any runner with the two
 *     import { describeLog } from "tidings/log/contract";
 *     describeLog("my log", ({ now }) => myLog({ now }), { describe, it });
 */
import assert from "node:assert/strict";
import type { Draft, Entry, Log, LogPosition, OpenLogOptions, Page, ReadRequest, Retention } from "./log.ts";

/** Makes an empty log that reads the time from `now`, in milliseconds since 1970. */
export type CreateLog = (options: { now: () => number }) => Log | Promise<Log>;

export interface TestRunner {
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => Promise<void>) => unknown;
}

/**
 * Declares the suite.
 * @param runner - `describe` and `it` of your test runner. Default: those that the runner made global.
 * @throws {TypeError} If there is no runner.
 */
export function describeLog(
  name: string,
  create: CreateLog,
  runner: Partial<TestRunner> = globalRunner(),
): void {
  const { describe, it } = runner;
  if (describe === undefined || it === undefined) {
    throw new TypeError(
      "Cannot declare log tests: describe and it are not global, expected { describe, it } as third argument",
    );
  }

  /** Opens a log, runs `body` with it and closes it, whatever happens. */
  const test = (
    title: string,
    body: (bench: Bench) => Promise<void>,
    retention: Partial<Retention> = {},
  ): unknown =>
    it(title, async () => {
      const bench = await openBench(create, retention);
      try {
        await body(bench);
      } finally {
        await bench.log.close();
      }
    });

  describe(name, () => {
    test("starts empty, with an epoch that fits in a cursor", async ({ log, position, read }) => {
      assert.match(position.epoch, /^[\w-]{1,64}$/);
      assert.equal(position.head, 0);
      assert.deepEqual(await read(["a"]), { entries: [], through: 0, lostThrough: 0 });
      const { messages, bytes, oldest, head } = await log.stats();
      assert.deepEqual({ messages, bytes, oldest, head }, { messages: 0, bytes: 0, oldest: 0, head: 0 });
    });

    it("gives each new log another epoch", async () => {
      const one = await openBench(create, {});
      const other = await openBench(create, {});
      await one.log.close();
      await other.log.close();
      assert.notEqual(one.position.epoch, other.position.epoch);
    });

    test("counts offsets from 1 without holes, over all topics", async ({ log }) => {
      assert.deepEqual(await log.append([draft("a", "1")]), { first: 1, last: 1, repeated: false });
      assert.deepEqual(await log.append([draft("b", "2"), draft("a", "3")]), {
        first: 2,
        last: 3,
        repeated: false,
      });
      assert.deepEqual(await log.append([draft("c", "4")]), { first: 4, last: 4, repeated: false });
    });

    test("keeps topic, body, key and time of what was appended", async ({ log, read, clock }) => {
      clock.ms = 5_000;
      await log.append([
        { topic: "書/1", body: bytes("data: 你好\n\n"), key: "k 1" },
        draft("書/1", "second"),
      ]);
      const { entries } = await read(["書/1"]);
      assert.deepEqual(entries.map(plain), [
        { offset: 1, topic: "書/1", body: "data: 你好\n\n", key: "k 1", atMs: 5_000 },
        { offset: 2, topic: "書/1", body: "second", key: undefined, atMs: 5_000 },
      ]);
    });

    test("never lets the time of entries go back", async ({ log, read, clock }) => {
      clock.ms = 9_000;
      await log.append([draft("a", "1")]);
      clock.ms = 8_000;
      await log.append([draft("a", "2")]);
      const times = (await read(["a"])).entries.map(({ atMs }) => atMs);
      assert.ok(times[1]! >= times[0]!, `the second entry is from ${times[1]}, the first from ${times[0]}`);
    });

    test("hands each entry to the tail once, in order, no later than append resolves", async ({
      log,
      tail,
    }) => {
      for (let i = 1; i <= 20; i += 1) {
        const { last } = await log.append([draft(i % 2 ? "a" : "b", `${i}`), draft("c", `${i}`)]);
        assert.equal(tail.at(-1)?.offset, last);
      }
      assert.deepEqual(
        tail.map(({ offset }) => offset),
        range(1, 40),
      );
      assert.deepEqual(plain(tail[0]!), { offset: 1, topic: "a", body: "1", key: undefined, atMs: 1_000 });
    });

    test("orders appends that are under way together", async ({ log, tail, read }) => {
      const results = await Promise.all(
        range(1, 50).map((i) => log.append([draft("a", `${i}`), draft("a", `${i}`)])),
      );
      assert.deepEqual(
        results.map(({ first }) => first),
        range(1, 50).map((i) => i * 2 - 1),
      );
      assert.deepEqual(
        tail.map(({ offset }) => offset),
        range(1, 100),
      );
      const { entries } = await read(["a"]);
      assert.deepEqual(
        entries.map(text),
        range(1, 50).flatMap((i) => [`${i}`, `${i}`]),
      );
    });

    test("refuses an append of nothing", async ({ log }) => {
      await assert.rejects(log.append([]), RangeError);
      assert.deepEqual(await log.append([draft("a", "1")]), { first: 1, last: 1, repeated: false });
    });

    test("reads one topic without the others, and several in the order of the log", async ({ log, read }) => {
      for (const topic of ["a", "b", "c", "a", "b", "c", "a"]) await log.append([draft(topic, topic)]);
      assert.deepEqual(offsets(await read(["b"])), [2, 5]);
      assert.deepEqual(offsets(await read(["c", "a"])), [1, 3, 4, 6, 7]);
      assert.deepEqual(offsets(await read(["c", "a", "c"])), [1, 3, 4, 6, 7]);
      assert.deepEqual(offsets(await read(["unknown"])), []);
      assert.deepEqual(offsets(await read((topic) => topic !== "a")), [2, 3, 5, 6]);
    });

    test("reads on from any offset, also from one that another topic holds", async ({ log, read }) => {
      for (const topic of ["a", "b", "b", "a", "b"]) await log.append([draft(topic, topic)]);
      assert.deepEqual(
        await Promise.all(range(0, 6).map(async (after) => offsets(await read(["a"], { after })))),
        [[1, 4], [4], [4], [4], [], [], []],
      );
      assert.equal((await read(["a"], { after: 4 })).through, 5);
      assert.equal((await read(["unknown"], { after: 2 })).through, 5);
    });

    test("cuts pages by messages and by bytes, and joins without a seam", async ({ log, read }) => {
      for (let i = 1; i <= 30; i += 1) await log.append([draft(i % 3 === 0 ? "a" : "b", "x".repeat(i))]);
      for (const limits of [{ maxMessages: 1 }, { maxMessages: 3 }, { maxBytes: 1 }, { maxBytes: 40 }]) {
        for (const topics of [["a"], ["a", "b"], (topic: string) => topic === "a"]) {
          const seen: number[] = [];
          let after = 0;
          for (let pages = 0; after < 30; pages += 1) {
            assert.ok(pages <= 31, "the pages do not come to an end");
            const page = await read(topics, { after, ...limits });
            assert.ok(page.entries.length <= (limits.maxMessages ?? Infinity));
            const size = page.entries.reduce((sum, { body }) => sum + body.length, 0);
            assert.ok(page.entries.length <= 1 || size <= (limits.maxBytes ?? Infinity));
            seen.push(...offsets(page));
            assert.ok(page.through > after);
            after = page.through;
          }
          assert.deepEqual(
            seen,
            range(1, 30).filter((i) => (Array.isArray(topics) && topics.length === 2) || i % 3 === 0),
          );
        }
      }
    });

    test(
      "discards the oldest when there are too many messages",
      async ({ log, read }) => {
        for (let i = 1; i <= 10; i += 1) await log.append([draft("a", `${i}`)]);
        assert.deepEqual(await shape(read(["a"], { after: 0 })), {
          offsets: [7, 8, 9, 10],
          through: 10,
          lostThrough: 6,
        });
        const { messages, oldest, head } = await log.stats();
        assert.deepEqual({ messages, oldest, head }, { messages: 4, oldest: 7, head: 10 });
      },
      { messages: 4 },
    );

    test(
      "discards the oldest when there are too many bytes",
      async ({ log, read }) => {
        for (let i = 1; i <= 10; i += 1) await log.append([draft("a", "x".repeat(i * 10))]);
        assert.deepEqual(await shape(read(["a"])), { offsets: [9, 10], through: 10, lostThrough: 8 });
        assert.equal((await log.stats()).bytes, 190);
      },
      { bytes: 200 },
    );

    test(
      "discards what is too old, without an append",
      async ({ log, read, clock }) => {
        await log.append([draft("a", "1")]);
        clock.ms += 600;
        await log.append([draft("a", "2")]);
        clock.ms += 401;
        assert.deepEqual(await shape(read(["a"])), { offsets: [2], through: 2, lostThrough: 1 });
        clock.ms += 600;
        assert.deepEqual(await shape(read(["a"])), { offsets: [], through: 2, lostThrough: 2 });
        assert.deepEqual(await log.append([draft("a", "3")]), { first: 3, last: 3, repeated: false });
      },
      { ageMs: 1_000 },
    );

    test(
      "tells a loss to exactly those readers whose topics lost something",
      async ({ log, read }) => {
        await log.append([draft("quiet", "1")]);
        for (let i = 2; i <= 9; i += 1) await log.append([draft("busy", `${i}`)]);
        assert.deepEqual(await shape(read(["quiet"])), { offsets: [1], through: 9, lostThrough: 0 });
        assert.deepEqual(await shape(read(["busy"], { after: 3 })), {
          offsets: [8, 9],
          through: 9,
          lostThrough: 7,
        });
        assert.deepEqual(await shape(read(["busy", "quiet"])), {
          offsets: [1, 8, 9],
          through: 9,
          lostThrough: 7,
        });
        // Whoever saw all that is gone has lost nothing.
        assert.ok((await read(["busy"], { after: 7 })).lostThrough <= 7);
        assert.deepEqual(offsets(await read(["busy"], { after: 7 })), [8, 9]);
        assert.deepEqual(await shape(read((topic) => topic === "busy")), {
          offsets: [8, 9],
          through: 9,
          lostThrough: 7,
        });
      },
      { forTopic: (topic) => (topic === "busy" ? { messages: 2 } : undefined) },
    );

    test(
      "bounds a topic by bytes and by age as well",
      async ({ log, read, clock }) => {
        for (let i = 1; i <= 4; i += 1)
          await log.append([draft("bytes", "x".repeat(10)), draft("age", `${i}`)]);
        assert.deepEqual(await shape(read(["bytes"])), { offsets: [5, 7], through: 8, lostThrough: 3 });
        clock.ms += 501;
        assert.deepEqual(await shape(read(["age"])), { offsets: [], through: 8, lostThrough: 8 });
        assert.deepEqual(await shape(read((topic) => topic === "age")), {
          offsets: [],
          through: 8,
          lostThrough: 8,
        });
        assert.deepEqual(await shape(read(["bytes"])), { offsets: [5, 7], through: 8, lostThrough: 3 });
      },
      { forTopic: (topic) => (topic === "bytes" ? { bytes: 25 } : { ageMs: 500 }) },
    );

    test(
      "stays within the bounds of the whole log however many topics there are",
      async ({ log, read }) => {
        for (let i = 1; i <= 500; i += 1) await log.append([draft(`topic/${i % 50}`, `${i}`)]);
        assert.deepEqual(offsets(await read(() => true)), range(481, 500));
        assert.deepEqual(await shape(read(["topic/0"])), { offsets: [500], through: 500, lostThrough: 450 });
        assert.deepEqual(await shape(read(["topic/1"], { after: 451 })), {
          offsets: [],
          through: 500,
          lostThrough: 451,
        });
        assert.equal((await log.stats()).messages, 20);
      },
      { messages: 20 },
    );

    test("appends once for one idempotency key", async ({ log, tail, read }) => {
      const once = await log.append([draft("a", "1"), draft("a", "2")], { idempotencyKey: "k" });
      await log.append([draft("a", "3")], { idempotencyKey: "other" });
      const again = await log.append([draft("a", "1"), draft("a", "2")], { idempotencyKey: "k" });
      assert.deepEqual(again, { ...once, repeated: true });
      assert.deepEqual(offsets(await read(["a"])), [1, 2, 3]);
      assert.equal(tail.length, 3);
    });

    test("appends once for one idempotency key also when both are under way", async ({ log, read }) => {
      const both = await Promise.all([
        log.append([draft("a", "1")], { idempotencyKey: "k" }),
        log.append([draft("a", "1")], { idempotencyKey: "k" }),
      ]);
      assert.deepEqual(
        both.map(({ first, repeated }) => [first, repeated]),
        [
          [1, false],
          [1, true],
        ],
      );
      assert.deepEqual(offsets(await read(["a"])), [1]);
    });

    test("refuses to work once closed, and says so", async ({ log }) => {
      await log.append([draft("a", "1")]);
      await log.close();
      await assert.rejects(log.append([draft("a", "2")]), { name: "LogError", code: "closed" });
      await assert.rejects(
        log.read({
          topics: { exact: ["a"], matches: (topic) => topic === "a" },
          after: 0,
          maxMessages: 1,
          maxBytes: 1,
        }),
        { name: "LogError", code: "closed" },
      );
      await log.close();
    });

    for (const seed of range(1, 20)) {
      it(`agrees with the plainest log there is, run ${seed}`, () => compareWithModel(create, seed));
    }
  });
}

interface Bench {
  readonly log: Log;
  readonly position: LogPosition;
  readonly clock: { ms: number };
  readonly tail: Entry[];
  readonly read: (
    topics: readonly string[] | ((topic: string) => boolean),
    request?: Partial<ReadRequest>,
  ) => Promise<Page>;
}

async function openBench(create: CreateLog, retention: Partial<Retention>): Promise<Bench> {
  const clock = { ms: 1_000 };
  const tail: Entry[] = [];
  const log = await create({ now: () => clock.ms });
  const options: OpenLogOptions = {
    retention: { messages: 10_000, bytes: 2 ** 24, ageMs: 3_600_000, ...retention },
    onEntries: (entries) => tail.push(...entries),
  };
  return {
    log,
    clock,
    tail,
    position: await log.open(options),
    read: (topics, request) =>
      log.read({
        topics:
          typeof topics === "function"
            ? { matches: topics }
            : { exact: topics, matches: (topic) => topics.includes(topic) },
        after: 0,
        maxMessages: 10_000,
        maxBytes: 2 ** 24,
        ...request,
      }),
  };
}

/** Runs the same random steps on the log and on an array, and compares what can be seen. */
async function compareWithModel(create: CreateLog, seed: number): Promise<void> {
  const random = mulberry(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const limits = { messages: pick([3, 10, 40]), bytes: pick([50, 1_000]), ageMs: pick([200, 5_000]) };
  const small = { messages: pick([1, 5]) };
  const bench = await openBench(create, {
    ...limits,
    forTopic: (topic) => (topic === "a" ? small : undefined),
  });
  const { log, clock } = bench;
  const all: { offset: number; topic: string; body: string; atMs: number }[] = [];
  const lost = new Map<string, number>();
  let head = 0;
  /** Applied after each draft, as a batch may pass a bound by itself. */
  const expire = (): void => {
    const gone = (index: number): void => {
      const [entry] = all.splice(index, 1);
      lost.set(entry!.topic, Math.max(lost.get(entry!.topic) ?? 0, entry!.offset));
    };
    while (all.filter(({ topic }) => topic === "a").length > small.messages) {
      gone(all.findIndex(({ topic }) => topic === "a"));
    }
    const size = (): number => all.reduce((sum, { body }) => sum + body.length, 0);
    while (
      all.length > 0 &&
      (all.length > limits.messages || size() > limits.bytes || clock.ms - all[0]!.atMs > limits.ageMs)
    ) {
      gone(0);
    }
  };
  try {
    for (let step = 0; step < 120; step += 1) {
      clock.ms += Math.floor(random() * 60);
      if (random() < 0.6) {
        const drafts = range(1, pick([1, 1, 2, 5])).map((i) =>
          draft(pick(["a", "b", "c/1"]), `${step}-${i}`),
        );
        const { first } = await log.append(drafts);
        assert.equal(first, head + 1);
        for (const { topic, body } of drafts) {
          head += 1;
          all.push({ offset: head, topic, body: new TextDecoder().decode(body), atMs: clock.ms });
        }
      }
      expire();
      const topics = pick([["a"], ["b"], ["a", "c/1"], ["a", "b", "c/1"], ["none"]]);
      const after = Math.floor(random() * (head + 1));
      const byPattern = random() < 0.3;
      const maxMessages = pick([1, 3, 1_000]);
      const page = await bench.read(byPattern ? (topic) => topics.includes(topic) : topics, {
        after,
        maxMessages,
      });
      const expected = all.filter(({ offset, topic }) => offset > after && topics.includes(topic));
      assert.deepEqual(
        page.entries.map(({ offset, topic, body, atMs }) => ({
          offset,
          topic,
          body: new TextDecoder().decode(body),
          atMs,
        })),
        expected.slice(0, maxMessages),
      );
      const lostThrough = Math.max(0, ...topics.map((topic) => lost.get(topic) ?? 0));
      assert.equal(page.lostThrough > after ? page.lostThrough : 0, lostThrough > after ? lostThrough : 0);
      const next = expected[maxMessages];
      assert.ok(page.through >= (page.entries.at(-1)?.offset ?? after));
      if (next === undefined) assert.ok(page.through <= head);
      else assert.ok(page.through < next.offset, "the page ends behind an entry that it does not hold");
    }
    assert.deepEqual(
      bench.tail.map(({ offset }) => offset),
      range(1, head),
    );
  } finally {
    await log.close();
  }
}

function globalRunner(): Partial<TestRunner> {
  return globalThis as Partial<TestRunner>;
}

function draft(topic: string, body: string): Draft {
  return { topic, body: bytes(body) };
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text({ body }: Entry): string {
  return new TextDecoder().decode(body);
}

function plain(entry: Entry): object {
  return { offset: entry.offset, topic: entry.topic, body: text(entry), key: entry.key, atMs: entry.atMs };
}

function offsets({ entries }: Page): number[] {
  return entries.map(({ offset }) => offset);
}

async function shape(reading: Promise<Page>): Promise<object> {
  const page = await reading;
  return { offsets: offsets(page), through: page.through, lostThrough: page.lostThrough };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** A small random generator, so that a failing run can be repeated by its number. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
