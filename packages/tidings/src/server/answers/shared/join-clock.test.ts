import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { JoinClock } from "./join-clock.ts";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

it("calls what is due at common times, together and never early, with one timer", () => {
  const clock = new JoinClock(50);
  const called: [string, number][] = [];
  const begunMs = performance.now();
  const due = (name: string) => () => void called.push([name, performance.now() - begunMs]);
  const times = ["a", "b", "c", "d"].map((name, i) => clock.at(begunMs + [21, 30, 29.5, 31][i]!, due(name)));
  expect(times.map((ms) => ms - begunMs)).toEqual([30, 30, 30, 40]);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(29);
  expect(called).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(called).toEqual([
    ["a", 30],
    ["b", 30],
    ["c", 30],
    ["d", 40],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

it("calls what comes to be due earlier in time, and nothing that was cancelled", () => {
  const clock = new JoinClock(50);
  const called: string[] = [];
  const late = (): void => void called.push("late");
  const early = (): void => void called.push("early");
  const lateMs = clock.at(performance.now() + 50, late);
  const earlyMs = clock.at(performance.now() + 10, early);
  clock.cancel(earlyMs, early);
  clock.at(performance.now() + 20, early);
  vi.advanceTimersByTime(20);
  expect(called).toEqual(["early"]);
  clock.cancel(lateMs, late);
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(100);
  expect(called).toEqual(["early"]);
});

it("goes on behind one that asks for another time", () => {
  const clock = new JoinClock(50);
  let calls = 0;
  const again = (): void => {
    calls += 1;
    if (calls < 5) clock.at(performance.now() + 50, again);
  };
  clock.at(performance.now() + 50, again);
  vi.advanceTimersByTime(1_000);
  expect(calls).toBe(5);
});
