import { expect, it } from "vitest";
import { LogWatch } from "./log-watch.ts";

function watchOf(ask: () => Promise<unknown>): { watch: LogWatch; told: number[] } {
  const told: number[] = [];
  const onBroken = (nowMs: number) => void told.push(nowMs);
  return { watch: new LogWatch({ leaseMs: 1_000, lookMs: 250, ask, onBroken }), told };
}

it("tells of many breaks at once one time, and counts from the last", () => {
  const { watch, told } = watchOf(() => Promise.resolve());
  const nowMs = performance.now();
  for (let at = 0; at < 1_000; at += 1) watch.broken(nowMs + at / 5);
  expect(told).toEqual([nowMs, nowMs + 100]);
  expect(watch.silentMs(0, nowMs + 199.8)).toBe(0);
});

it("asks the log once where something may have failed for itself, and is broken when that fails too", async () => {
  let asked = 0;
  let fails = false;
  const { watch, told } = watchOf(async () => {
    asked += 1;
    if (fails) throw new Error("It is away");
  });
  watch.doubt(performance.now());
  watch.doubt(performance.now());
  await new Promise((resolve) => void setTimeout(resolve, 1));
  expect([asked, told.length]).toEqual([1, 0]);
  fails = true;
  watch.doubt(performance.now());
  await new Promise((resolve) => void setTimeout(resolve, 1));
  expect([asked, told.length]).toEqual([2, 1]);
});
