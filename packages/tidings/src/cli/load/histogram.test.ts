import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

test("percentiles are at most a thirtieth too high, and never too low", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 10_000; ms++) histogram.add(ms);
  for (const share of [0.5, 0.9, 0.99, 0.999]) {
    const exact = share * 10_000;
    expect(histogram.at(share)).toBeGreaterThanOrEqual(exact);
    expect(histogram.at(share)).toBeLessThan(exact * 1.03);
  }
  expect(histogram.percentiles()).toMatchObject({ count: 10_000, max: 10_000 });
});

test("nothing and next to nothing", () => {
  const histogram = new Histogram();
  expect(histogram.percentiles()).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
  histogram.add(0);
  histogram.add(-5);
  histogram.add(1e9);
  expect(histogram.count).toBe(3);
  expect(histogram.at(1)).toBeGreaterThan(1e6);
});
