/**
 * A hub under random faults, over real connections and a log on disk: `npm run bench faults` in a small size. And the judge
 * of it, which has to find what is wrong.
 */
import { describe, expect, it } from "vitest";

type Counts = Record<"lost" | "doubled" | "out of order" | "unhandled" | "other", number>;

interface Subscriber {
  began: number;
  message(topic: string, offset: number, number: number): void;
  gap(from: number, to: number): void;
}

interface ModelOfHub {
  accept(topic: string, offset: number, number: number): void;
  subscriber(name: string, wants: (topic: string) => boolean): Subscriber;
  judge(): Counts & { examples: string[] };
}

const readerFaults = ["cuts", "resets", "half-closes", "stalls", "half-open", "revokes"] as const;
const faults = new URL("../../bench/faults/", import.meta.url);
const { Model } = (await import(new URL("model.mjs", faults).href)) as { Model: new () => ModelOfHub };
interface Heaps {
  readonly isEnough: boolean;
  attach(server: unknown): void;
  returned(): void;
  add(deliveries: number, sample: { heapUsed: number; external: number; blockedBytes: number }): void;
  ofLastProcess(): { judgedFrom: number | undefined; heap: { first: number }; isFlat: boolean };
}
const { HeapSamples } = (await import(new URL("heap-samples.mjs", faults).href)) as {
  HeapSamples: new () => Heaps;
};
const { run } = (await import(new URL("world.mjs", faults).href)) as {
  run: (options: { deliveries: number; seed: number; readers: number }) => Promise<
    Record<"deliveries" | "kills" | (typeof readerFaults)[number], number> & {
      verdict: ReturnType<ModelOfHub["judge"]>;
      heap: { samples: unknown[] };
    }
  >;
};

describe("the model", () => {
  const subscribed = () => {
    const model = new Model();
    const subscriber = model.subscriber("ann", (topic: string) => topic === "a");
    subscriber.began = 1;
    for (let offset = 1; offset <= 5; offset += 1)
      model.accept(offset === 4 ? "b" : "a", offset, offset * 10);
    return { model, subscriber };
  };
  const nothing = { lost: 0, doubled: 0, "out of order": 0, unhandled: 0, other: 0, examples: [] };

  it("finds nothing wrong where each message came once and in order", () => {
    const { model, subscriber } = subscribed();
    for (const offset of [2, 3, 5]) subscriber.message("a", offset, offset * 10);
    expect(model.judge()).toEqual(nothing);
  });

  it("finds nothing wrong where what is missing was told", () => {
    const { model, subscriber } = subscribed();
    subscriber.gap(1, 3);
    subscriber.message("a", 5, 50);
    expect(model.judge()).toEqual(nothing);
  });

  it.each([
    ["lost", [2, 5]],
    ["doubled", [2, 3, 3, 5]],
    ["out of order", [3, 2, 5]],
  ])("finds a message %s", (kind, offsets) => {
    const { model, subscriber } = subscribed();
    for (const offset of offsets) subscriber.message("a", offset, offset * 10);
    expect(model.judge()).toMatchObject({ ...nothing, [kind]: 1, examples: [expect.stringContaining(kind)] });
  });

  it("finds an offset that was given twice, and a topic that was not asked for", () => {
    const { model, subscriber } = subscribed();
    for (const [offset, number] of [
      [2, 20],
      [3, 31],
      [5, 50],
    ] as const)
      subscriber.message("a", offset, number);
    subscriber.message("b", 6, 60);
    expect(model.judge()).toMatchObject({ lost: 0, doubled: 1, other: 1 });
  });
});

describe("the judge of memory", () => {
  const MIB = 2 ** 20;
  /** Samples of a process, of so many MiB each. */
  const take = (
    heap: Heaps,
    from: number,
    mibs: readonly number[],
    beside: readonly number[] = [],
    blocked = 0,
  ) => {
    for (const [i, mib] of mibs.entries()) {
      const external = (beside[i] ?? 0) * MIB;
      heap.add(from + i, { heapUsed: mib * MIB, external, blockedBytes: external > 0 ? blocked * MIB : 0 });
    }
  };

  it("begins when all streams have returned", () => {
    const heap = new HeapSamples();
    heap.attach({});
    take(heap, 1, [10, 20, 30, 40]);
    expect(heap.ofLastProcess()).toMatchObject({ judgedFrom: undefined, isFlat: false });
    heap.returned();
    take(heap, 5, [60, 61, 59, 60, 62, 60, 61, 60]);
    expect(heap.isEnough).toBe(false);
    take(heap, 13, [60]);
    expect(heap.isEnough).toBe(true);
    expect(heap.ofLastProcess()).toMatchObject({ judgedFrom: 5, heap: { first: 60 * MIB }, isFlat: true });
    heap.attach({});
    expect(heap.isEnough).toBe(false);
  });

  it("finds memory that grows with all streams there", () => {
    const heap = new HeapSamples();
    heap.attach({});
    heap.returned();
    take(heap, 1, [10, 60, 61, 62, 63, 64, 65, 66, 80, 85]);
    expect(heap.isEnough).toBe(true);
    expect(heap.ofLastProcess()).toMatchObject({ judgedFrom: 2, isFlat: false });
  });

  it.each([
    [3, 0, true],
    [5, 0, false],
    [9, 6, true],
    [9, 4, false],
  ])(
    "lets what lies beside it grow by what waits for slow readers: %i MiB more, %i for them",
    (more, blocked, isFlat) => {
      const heap = new HeapSamples();
      heap.attach({});
      heap.returned();
      const beside = [0, 0, 0, 0, 0, 0, 0, more, more, more];
      take(heap, 1, Array(10).fill(20), beside, blocked);
      expect(heap.ofLastProcess().isFlat).toBe(isFlat);
    },
  );
});

it(
  "loses nothing, doubles nothing and keeps the order under cuts, resets, half-closes, stalls, revokes and kill -9, half of it through the acceptor",
  { timeout: 240_000 },
  async () => {
    const { verdict, heap, ...happened } = await run({ deliveries: 60_000, seed: 7, readers: 40 });
    expect(verdict).toEqual({
      lost: 0,
      doubled: 0,
      "out of order": 0,
      unhandled: 0,
      other: 0,
      examples: [],
    });
    expect(happened.deliveries).toBeGreaterThan(60_000);
    // A run in which nothing happens proves nothing.
    for (const fault of readerFaults) expect(happened[fault], fault).toBeGreaterThan(0);
    expect(happened.kills).toBeGreaterThan(0);
    expect(heap.samples.length).toBeGreaterThan(0);
  },
);
