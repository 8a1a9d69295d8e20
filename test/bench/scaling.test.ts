/** The simulation runs, and docs/operations/scaling.md has what it says: all that no chance is in. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Shares {
  readonly redisShare: number;
  readonly copies: number;
  readonly nodeShare: number;
  readonly deliveries: number;
}

interface Model {
  readonly steady: (workload: object, nodes: number) => Shares;
  readonly presence: (nodes: number) => Shares;
  readonly crash: (nodes: number, subscribers: number, random: () => number) => Float64Array;
}

const scaling = new URL("../../bench/scaling/", import.meta.url);
const { steady, presence, crash } = (await import(new URL("model.mjs", scaling).href)) as Model;
const { NODES, WORKLOADS, OPEN_US, USABLE } = (await import(new URL("assumptions.mjs", scaling).href)) as {
  NODES: readonly number[];
  WORKLOADS: readonly { readonly appendUs: number }[];
  OPEN_US: number;
  USABLE: number;
};

const PAGES = ["docs/operations/scaling.md", "docs/zh-CN/operations/scaling.md"];
const row = (values: readonly string[]): string => `| ${values.join(" | ")} |`;
const cores = (shares: readonly Shares[]): string => row(shares.map((one) => one.redisShare.toFixed(2)));

describe.each(PAGES)("%s", (page) => {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");

  it("has the cores of Redis that the simulation gives", () => {
    for (const workload of WORKLOADS) {
      expect(text).toContain(cores(NODES.map((nodes) => steady(workload, nodes))));
    }
    for (const { appendUs } of WORKLOADS) expect(text).toMatch(new RegExp(`\\b${appendUs} (µs|微秒)`));
    const present = NODES.map((nodes) => presence(nodes));
    expect(text).toContain(cores(present));
    expect(text).toContain(row(present.map(({ copies }) => Math.round(copies).toLocaleString("en"))));
  });

  it("has the times of the example for 50,000 users", () => {
    const nodes = [2, 3, 5];
    // All in the middle of the second in which they return: no chance is in it.
    const perSecond = (USABLE * 1e6) / OPEN_US;
    const seconds = nodes.map((count) =>
      Math.max(2, 1 + 50_000 / count / (count - 1) / perSecond).toFixed(1),
    );
    expect(text).toContain(row(seconds));
    expect(text).toContain(row(nodes.map((count) => String(Math.ceil(50_000 / count / 1_500)))));
  });
});

describe("the simulation", () => {
  it("has everybody come back, after the wait of the client at least", () => {
    const returns = crash(10, 10_000, () => 0.5);
    expect(returns.length).toBe(1_000);
    expect(returns[0]).toBeGreaterThanOrEqual(1_000);
  });
});
