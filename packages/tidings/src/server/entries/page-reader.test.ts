import { describe, expect, it } from "vitest";
import type { Page, ReadRequest } from "../../log/log.ts";
import { TimerWheel } from "../time/timer-wheel.ts";
import { TurnGate } from "../time/turn-gate.ts";
import { selectTopics } from "../topics/topic-selection.ts";
import { PageReader, type ReadingGroup } from "./page-reader.ts";

const body = new TextEncoder().encode(`data: ${"x".repeat(100)}\n\n`);

/** A log whose reads are answered when the test says so. */
function openReader(writeBytes = 100, limits = { messageBytes: 2 ** 20, readBytes: 64 * 2 ** 20 }) {
  const asked: {
    request: ReadRequest;
    answer: (page?: Partial<Page>) => void;
    fail: (error: Error) => void;
  }[] = [];
  const log = {
    read: (request: ReadRequest) =>
      new Promise<Page>((resolve, reject) => {
        const entries = [{ offset: request.after + 1, topic: "a", body, atMs: 0 }];
        const whole = { entries, through: request.after + 1, lostThrough: 0 };
        asked.push({ request, answer: (page) => resolve({ ...whole, ...page }), fail: reject });
      }),
  };
  const wheel = new TimerWheel();
  const scheduled: (() => void)[] = [];
  const openings = new TurnGate(16, (run) => void scheduled.push(run));
  const pages = new PageReader({
    recent: { epoch: "e" },
    log,
    writeBytes,
    keepsEntries: true,
    ...limits,
    wheel,
    openings,
  });
  /** What was scheduled runs, and what follows from it. */
  const nextTurn = async (): Promise<void> => {
    for (const run of scheduled.splice(0)) run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { pages, asked, nextTurn };
}

const group = (filter?: ReadingGroup["filter"]): ReadingGroup => ({
  selection: selectTopics(["a"], 1),
  filter,
});

describe("PageReader", () => {
  it("reads once for all that ask for the same, and gives them one batch", async () => {
    const { pages, asked } = openReader();
    const reading = group();
    const all = Array.from({ length: 100 }, () => pages.read(reading, 7));
    expect(asked).toHaveLength(1);
    asked[0]!.answer();
    const batches = (await Promise.all(all)).map(({ batch }) => batch);
    expect(new Set(batches).size).toBe(1);
    expect((await pages.read(reading, 7)).batch).toBe(batches[0]);
    expect(asked).toHaveLength(1);
  });

  it("keeps no page that was asked for before the log was replaced", async () => {
    const { pages, asked } = openReader();
    const reading = group();
    const before = pages.read(reading, 0);
    pages.forget();
    const after = pages.read(reading, 0);
    asked[0]!.answer();
    await before;
    // The same is asked for again meanwhile.
    expect(pages.read(reading, 0)).toBe(after);
    asked[1]!.answer({ through: 9 });
    expect([(await before).through, (await after).through]).toEqual([1, 9]);
    expect((await pages.read(reading, 0)).through).toBe(9);
    expect(asked).toHaveLength(2);
  });

  it("gives the place of a read that is done to the one that waits, and to no other", async () => {
    const { pages, asked } = openReader(100, { messageBytes: 100, readBytes: 100 });
    const reading = group();
    const first = pages.read(reading, 1);
    void pages.read(reading, 2);
    asked[0]!.answer();
    // When the first is done, and the second has not gone on.
    const third = Promise.resolve().then(() => pages.read(reading, 3));
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ request }) => request.after)).toEqual([1, 2]);
    asked[1]!.answer();
    await expect.poll(() => asked.length).toBe(3);
    asked[2]!.answer();
    await third;
  });

  it("keeps no page that the log may add to, and none that failed", async () => {
    const { pages, asked } = openReader(65_536);
    const reading = group();
    const short = pages.read(reading, 7);
    asked[0]!.answer();
    await short;
    const failing = pages.read(reading, 7);
    asked[1]!.fail(new Error("no disk"));
    await expect(failing).rejects.toMatchObject({ cause: new Error("no disk") });
    void pages.read(reading, 7);
    expect(asked).toHaveLength(3);
  });

  it("rejects for everyone whose filter throws, and for nobody else", async () => {
    const { pages, asked } = openReader();
    const throwing = group(() => {
      throw new Error("filter");
    });
    const [one, other, fine] = [pages.read(throwing, 0), pages.read(throwing, 0), pages.read(group(), 0)];
    for (const { answer } of asked) answer();
    await expect(one).rejects.toMatchObject({ cause: new Error("filter") });
    await expect(other).rejects.toMatchObject({ cause: new Error("filter") });
    expect((await fine).batch.messages).toBe(1);
  });

  it("has 64 reads under way at most", async () => {
    const { pages, asked } = openReader();
    const all = Array.from({ length: 200 }, (_, i) => pages.read(group(), i));
    await Promise.resolve();
    expect(asked).toHaveLength(64);
    for (let n = 0; n < 200; n += 1) {
      asked[n]!.answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(all)).toHaveLength(200);
  });

  it.each([
    [32, 65_536, 2 ** 20, 32],
    [64, 65_536, 1_000, 32],
    [1, 65_536, 64 * 2 ** 20, 32],
    [8, 4 * 2 ** 20, 2 ** 20, 32],
  ])(
    "has %i reads under way where a page has %i bytes, a message %i, and all together %i MiB",
    async (reads, writeBytes, messageBytes, mib) => {
      const { pages, asked } = openReader(writeBytes, { messageBytes, readBytes: mib * 2 ** 20 });
      for (let i = 0; i < 200; i += 1) void pages.read(group(), i);
      await Promise.resolve();
      expect(asked).toHaveLength(reads);
    },
  );

  it("lets few of the streams that open with one page have it in one turn", async () => {
    const { pages, asked, nextTurn } = openReader();
    const reading = group();
    let begun = 0;
    for (let i = 0; i < 40; i += 1) void pages.readFirst(reading, 7).then(() => (begun += 1));
    await nextTurn();
    expect([asked.length, begun]).toEqual([1, 0]);
    asked[0]!.answer();
    const counts: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await nextTurn();
      counts.push(begun);
    }
    expect(counts).toEqual([17, 33, 40, 40]);
    await pages.readFirst(reading, 7);
    expect(asked).toHaveLength(1);
  });

  it("forgets what it read when another log stands in the place of the first", async () => {
    const { pages, asked } = openReader();
    const reading = group();
    const first = pages.read(reading, 0);
    asked[0]!.answer();
    await first;
    pages.forget();
    void pages.read(reading, 0);
    expect(asked).toHaveLength(2);
  });
});
