/**
 * A deployment: three servers behind nginx, over one log in Redis, are restarted one after another while messages are published.
 * `npm run bench engines -- rolling` does the same with 2,000 subscribers, and draws when they come back.
 */
import { describe, expect, it } from "vitest";

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

describe("how evenly returns are spread", () => {
  it("is judged by the busiest second, wherever it begins", () => {
    const even = Array.from({ length: 100 }, (_, n) => n * 100);
    expect(spreadOf(even).ratio).toBeLessThan(1.1);
    const burst = [...even, ...Array.from({ length: 20 }, (_, n) => 4_500 + n * 40)];
    expect(spreadOf(burst)).toMatchObject({ most: 30 });
  });
});
