/**
 * A deployment: three servers behind nginx, over one log in Redis, are restarted one after another while messages are published.
 * `npm run bench engines -- rolling` does the same with 2,000 subscribers, and draws when they come back.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_RETRY, INITIAL_STATE, step } from "../../packages/tidings/src/client/core/reconnect.ts";
import { checkDrainOptions, endAtPace } from "../../packages/tidings/src/server/streams/drain.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";

interface Outcome {
  lost: number;
  doubled: number;
  gaps: number;
  failed: number;
  delivered: number;
  published: number;
  restarts: { returns: number[] }[];
}

const rolling = new URL("../../bench/engines/rolling/", import.meta.url);
const { rollingRestart } = (await import(new URL("restart.mjs", rolling).href)) as {
  rollingRestart: (options: object) => Promise<Outcome>;
};
const { spreadOf } = (await import(new URL("spread.mjs", rolling).href)) as {
  spreadOf: (times: readonly number[]) => { mean: number; most: number; ratio: number };
};

describe("a rolling restart", () => {
  it("loses and doubles nothing, refuses nobody, and sends each reader away once for each of its servers", async () => {
    const { restarts, delivered, published, ...counts } = await rollingRestart({
      readers: 300,
      topics: 30,
      perSecond: 100,
      drain: { overMs: 1_000, retryMs: [100, 1_000] },
    });
    expect(counts).toEqual({ lost: 0, doubled: 0, gaps: 0, failed: 0 });
    expect(delivered).toBe(published * 10);
    // By least_conn about a third, then half of those who are at the two others, twice; how many exactly, timing decides.
    for (const { returns } of restarts) {
      expect(returns.length).toBeGreaterThan(30);
      expect(returns.length).toBeLessThan(270);
    }
  }, 180_000);
});

/** Streams end at the pace of the server, and each client waits as it does. @returns When they are back, from the begin of the drain. */
async function returnsOf(streams: number, drain: object, random: () => number): Promise<number[]> {
  const beganMs = performance.now();
  const returns: number[] = [];
  let isOver = false;
  const ending = endAtPace(Array.from({ length: streams }), checkDrainOptions(drain), (_, retryMs) => {
    const nowMs = performance.now() - beganMs;
    const inputs = [
      [{ type: "start" }, -60_000],
      [{ type: "opened" }, -60_000],
      [{ type: "retry", ms: retryMs }, nowMs],
      [{ type: "lost", byServer: true, random: random() }, nowMs],
    ] as const;
    const { dueMs } = inputs.reduce(
      (state, [input, atMs]) => step(state, input, atMs, DEFAULT_RETRY),
      INITIAL_STATE,
    );
    returns.push(dueMs);
  });
  void ending.then(() => (isOver = true));
  while (!isOver) await vi.advanceTimersByTimeAsync(100);
  return returns;
}

describe("how evenly returns are spread", () => {
  afterEach(() => void vi.useRealTimers());

  // In the restart of real servers it depends on how busy the machine is: here time is as even as the server and the clients make it.
  it.each([1, 2, 3, 4, 5])("no second has more than twice the mean rate, with seed %i", async (seed) => {
    vi.useFakeTimers();
    const random = createRandom(seed);
    const drain = { overMs: 15_000, retryMs: [1_000, 3_000] };
    const all: number[] = [];
    let fromMs = 0;
    // A third, then a half of those who are at the two others, twice: 2,000 subscribers of three servers.
    for (const streams of [667, 1_000, 1_000]) {
      const returns = await returnsOf(streams, drain, random);
      expect(spreadOf(returns).ratio).toBeLessThan(1.5);
      all.push(...returns.map((ms) => ms + fromMs));
      // Everybody is back before the next one goes.
      fromMs = Math.max(...all) + 500;
    }
    expect(spreadOf(all).ratio).toBeLessThan(2);
  });

  it("is judged by the busiest second, wherever it begins", () => {
    const even = Array.from({ length: 100 }, (_, n) => n * 100);
    expect(spreadOf(even).ratio).toBeLessThan(1.1);
    const burst = [...even, ...Array.from({ length: 20 }, (_, n) => 4_500 + n * 40)];
    expect(spreadOf(burst)).toMatchObject({ most: 30 });
  });
});
