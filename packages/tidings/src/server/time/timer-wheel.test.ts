import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Timed, TimerWheel } from "./timer-wheel.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

afterEach(() => void vi.restoreAllMocks());

function timed(onDue: () => number | undefined = () => undefined) {
  const calls: number[] = [];
  const one: Timed & { calls: number[] } = {
    calls,
    dueTick: 0,
    onDue(nowMs) {
      calls.push(nowMs);
      return onDue();
    },
  };
  return one;
}

test("calls when the time is up, never before, at most a tick after", () => {
  const wheel = new TimerWheel();
  const entries = [1, 100, 250, 251, 1000, 14_999, 600_000].map((afterMs) => {
    const entry = timed();
    wheel.add(entry, afterMs);
    return { afterMs, entry, startMs: performance.now() };
  });
  vi.advanceTimersByTime(601_000);
  for (const { afterMs, entry, startMs } of entries) {
    expect(entry.calls).toHaveLength(1);
    expect(entry.calls[0]! - startMs).toBeGreaterThanOrEqual(afterMs);
    expect(entry.calls[0]! - startMs).toBeLessThanOrEqual(afterMs + 500);
  }
});

test("what onDue returns is when it is called again", () => {
  const wheel = new TimerWheel();
  const entry = timed(() => 1000);
  wheel.add(entry, 1000);
  vi.advanceTimersByTime(10_500);
  expect(entry.calls.length).toBeGreaterThanOrEqual(8);
  expect(entry.calls.length).toBeLessThanOrEqual(10);
  wheel.remove(entry);
  vi.advanceTimersByTime(10_000);
  expect(entry.calls.length).toBeLessThanOrEqual(10);
});

test("an entry may remove itself, another that is due with it, or add itself anew while it is called", () => {
  const wheel = new TimerWheel();
  const other = timed();
  const self = timed(() => {
    wheel.remove(self);
    wheel.remove(other);
    return undefined;
  });
  const again = timed(() => {
    wheel.add(again, 5000);
    return 1;
  });
  for (const entry of [self, other, again]) wheel.add(entry, 1000);
  vi.advanceTimersByTime(2000);
  expect([self.calls.length, other.calls.length, again.calls.length]).toEqual([1, 0, 1]);
  expect(wheel.size).toBe(1);
});

test("adding one that waits moves it", () => {
  const wheel = new TimerWheel();
  const entry = timed();
  wheel.add(entry, 1000);
  wheel.add(entry, 5000);
  expect(wheel.size).toBe(1);
  vi.advanceTimersByTime(4000);
  expect(entry.calls).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(entry.calls).toHaveLength(1);
});

test("one timer for all, and none when nothing waits", () => {
  const wheel = new TimerWheel();
  const entries = Array.from({ length: 1000 }, () => timed());
  for (const entry of entries) wheel.add(entry, 15_000);
  expect([wheel.size, vi.getTimerCount()]).toEqual([1000, 1]);
  for (const entry of entries.slice(500)) wheel.remove(entry);
  vi.advanceTimersByTime(16_000);
  expect([wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  expect(entries.filter(({ calls }) => calls.length === 1)).toHaveLength(500);
});

test("a process that was held up catches up with all that was due", () => {
  const wheel = new TimerWheel();
  const entries = [500, 1000, 3000].map((afterMs) => {
    const entry = timed();
    wheel.add(entry, afterMs);
    return entry;
  });
  const now = performance.now();
  vi.spyOn(performance, "now").mockReturnValue(now + 10_000);
  vi.advanceTimersByTime(250);
  expect(entries.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
});

test("the time in which the event loop stood still is left out of `awakeMs`, and a busy loop's delays are not", () => {
  const wheel = new TimerWheel();
  wheel.add(timed(), 600_000);
  const sleep = (ms: number): void => {
    const nowMs = performance.now() + ms;
    vi.spyOn(performance, "now").mockReturnValue(nowMs);
    vi.advanceTimersByTime(250);
  };
  const awakeMs = (): number => wheel.awakeMs(performance.now());
  const fromMs = awakeMs();
  sleep(900);
  expect(awakeMs() - fromMs).toBe(900);
  sleep(60_250);
  expect(awakeMs() - fromMs).toBe(1_150);
});

test("goes on when a test framework replaces the timers, and when it puts them back, with all that wait", async () => {
  const wheel = new TimerWheel();
  const turns = (ms: number) => vi.advanceTimersByTime(ms);
  const [left, next, last] = [timed(), timed(), timed()];
  wheel.add(left, 1_000);
  turns(500);
  vi.useRealTimers();
  const real = new Promise<void>((resolve) => {
    const one = timed(() => {
      resolve();
      return undefined;
    });
    wheel.add(one, 1);
  });
  expect(wheel.size).toBe(2);
  await real;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  wheel.add(next, 1_000);
  turns(1_500);
  expect([left, next].map(({ calls }) => calls.length)).toEqual([1, 1]);
  expect([wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  wheel.add(last, 1_000);
  turns(1_500);
  expect([last.calls.length, wheel.size]).toEqual([1, 0]);
});
