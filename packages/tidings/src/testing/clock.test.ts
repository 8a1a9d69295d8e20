import { describe, expect, test, vi } from "vitest";
import { createTestClock } from "./clock.ts";
import { createRandom } from "./random.ts";

describe("createTestClock()", () => {
  test("stands still until it is moved, and then runs each timer at its own time and in order", async () => {
    const clock = createTestClock({ startMs: 1000 });
    const seen: unknown[] = [];
    const note = (name: string) => () => void seen.push([name, clock.nowMs()]);
    clock.setTimeout(note("b"), 20);
    clock.setTimeout(note("a"), 10);
    clock.setTimeout(note("c"), 20);
    clock.setTimeout(() => clock.setTimeout(note("set on the way"), 1), 15);
    clock.clearTimeout(clock.setTimeout(note("cleared"), 12));
    await clock.settle();
    expect([seen, clock.timers, clock.nextMs]).toEqual([[], 4, 10]);
    await clock.advance(19);
    expect(seen).toEqual([
      ["a", 1010],
      ["set on the way", 1016],
    ]);
    await clock.advance(1);
    expect(seen.slice(2)).toEqual([
      ["b", 1020],
      ["c", 1020],
    ]);
    expect([clock.nowMs(), clock.timers, clock.nextMs]).toEqual([1020, 0, undefined]);
  });

  test("lets promises settle before the next timer, however many wait for each other", async () => {
    const clock = createTestClock();
    const seen: string[] = [];
    clock.setTimeout(() => {
      void (async () => {
        for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
        seen.push("promises");
      })();
    }, 1);
    clock.setTimeout(() => seen.push("timer"), 1);
    await clock.advance(1);
    expect(seen).toEqual(["promises", "timer"]);
  });

  test("moves until a promise has settled, and no further", async () => {
    const clock = createTestClock({ startMs: 0 });
    const promise = new Promise((resolve) => clock.setTimeout(() => resolve("done"), 60_000));
    clock.setTimeout(() => {}, 90_000);
    expect(await clock.until(promise)).toBe("done");
    expect([clock.nowMs(), clock.timers]).toEqual([60_000, 1]);
    await expect(clock.until(Promise.reject(new Error("as it does")))).rejects.toThrow("as it does");
  });

  test("says why a promise cannot settle", async () => {
    const clock = createTestClock();
    const never = new Promise(() => {});
    await expect(clock.until(never)).rejects.toThrow("no timer is set that could settle it");
    clock.setTimeout(() => {}, 11);
    await expect(clock.until(never, { withinMs: 10 })).rejects.toThrow("has not within 10 ms");
  });

  test("finds a timer that sets itself again for ever, and one that a platform would run at once", async () => {
    const clock = createTestClock();
    expect(() => clock.setTimeout(() => {}, 99_999_999_999)).toThrow("ms is 99999999999");
    expect(() => clock.setTimeout(() => {}, Number.NaN)).toThrow("ms is NaN");
    await expect(clock.advance(-1)).rejects.toThrow("ms is -1");
    expect(() => clock.sleep(Number.NaN)).toThrow("Cannot sleep: ms is NaN");
    const again = (): void => void clock.setTimeout(again, 0);
    again();
    await expect(clock.advance(1)).rejects.toThrow("does one of 0 ms set itself again?");
  });

  test("sleeps: time passes and nothing runs, until it is moved again", async () => {
    const clock = createTestClock({ startMs: 0 });
    const seen: number[] = [];
    clock.setTimeout(() => seen.push(clock.nowMs()), 10);
    clock.sleep(1000);
    await clock.settle();
    expect([seen, clock.nowMs(), clock.nextMs]).toEqual([[], 1000, 0]);
    await clock.advance(0);
    expect(seen).toEqual([1000]);
  });

  test("is not held up by a framework's own fake timers", async () => {
    vi.useFakeTimers();
    try {
      const clock = createTestClock();
      let ran = false;
      clock.setTimeout(() => (ran = true), 5);
      await clock.advance(5);
      expect(ran).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test("has the chance that it is given", () => {
    expect(createTestClock().random()).toBe(0);
    expect(createTestClock({ random: 0.5 }).random()).toBe(0.5);
    const clock = createTestClock({ random: createRandom(7) });
    const numbers = [clock.random(), clock.random()];
    const again = createRandom(7);
    expect(numbers).toEqual([again(), again()]);
  });
});

test("createRandom() is even enough, from 0 up to 1", () => {
  const random = createRandom(1);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let time = 0; time < 10_000; time++) {
    const number = random();
    expect(number >= 0 && number < 1).toBe(true);
    tenths[Math.floor(number * 10)]!++;
  }
  expect(Math.min(...tenths)).toBeGreaterThan(850);
  expect(createRandom(2)()).not.toBe(createRandom(1)());
});
