/**
 * Time that stands still until a test moves it, and chance that a test knows: reconnecting, idle limits and heartbeats take no time.
 * This module is browser compatible.
 */
import { inNextTurn } from "../guard/in-next-turn.ts";
import { atLeast } from "../guard/least.ts";
import type { Clock } from "../client/index.ts";

export interface TestClockOptions {
  /** What `nowMs()` says at first: milliseconds since 1970. Default: the start of 2026, UTC. */
  startMs?: number | undefined;
  /** What `random()` returns, from 0 up to 1, or a function to ask. Default: 0, so that a wait is its shortest. */
  random?: number | (() => number) | undefined;
}

export interface TestClock extends Clock {
  /** How many timers are set. */
  readonly timers: number;
  /** How long until the first of them is due; `undefined` if there is none. */
  readonly nextMs: number | undefined;
  /**
   * Moves time by `ms`: runs what is due on the way, timer by timer and each at its own time, and lets promises settle after each.
   * @throws {RangeError} If `ms` is not a number from 0 on, or if a timer of 0 ms sets itself again forever.
   */
  advance(ms: number): Promise<void>;
  /**
   * Moves time from timer to timer until `promise` has settled.
   * @returns What it fulfils with; rejects as it does.
   * @throws {Error} If no timer is left that could bring it about, or if it would take more than `withinMs`, by default an hour.
   */
  until<T>(promise: PromiseLike<T>, options?: { withinMs?: number }): Promise<T>;
  /** Moves time while nothing runs, as in a machine that sleeps. What was due meanwhile is run by the next `advance`. */
  sleep(ms: number): void;
  /** Lets all promises settle that wait for nothing but each other; no time passes. */
  settle(): Promise<void>;
}

interface Timer {
  readonly run: () => void;
  readonly dueMs: number;
}

/** @throws {RangeError} If `startMs` or `random` is no number for it. */
export function createTestClock(options: TestClockOptions = {}): TestClock {
  const { startMs = Date.UTC(2026, 0, 1), random = 0 } = options;
  if (!Number.isFinite(startMs)) {
    throw new RangeError(`Cannot create clock: startMs is ${startMs}, expected milliseconds since 1970`);
  }
  if (typeof random !== "function" && !(typeof random === "number" && random >= 0 && random < 1)) {
    throw new RangeError(`Cannot create clock: random is ${random}, expected a number from 0 up to 1`);
  }
  let nowMs = startMs;
  // In the order in which they were set, which decides between two that are due at the same time.
  const timers = new Set<Timer>();

  return {
    nowMs: () => nowMs,
    random: () => (typeof random === "function" ? random() : random),
    setTimeout(run, ms) {
      if (!(ms <= LONGEST_TIMER_MS)) {
        throw new RangeError(
          `Cannot set timer: ms is ${ms}, expected at most ${LONGEST_TIMER_MS}: a platform would run it at once`,
        );
      }
      const timer = { run, dueMs: nowMs + Math.max(0, ms) };
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer) => void timers.delete(timer as Timer),
    get timers() {
      return timers.size;
    },
    get nextMs() {
      const timer = first();
      return timer && Math.max(0, timer.dueMs - nowMs);
    },
    async advance(ms) {
      checkMs("advance", ms);
      const endMs = nowMs + ms;
      await settle();
      // How many ran without time passing.
      for (let runs = 0; ;) {
        const timer = first();
        if (!timer || timer.dueMs > endMs) break;
        runs = timer.dueMs > nowMs ? 0 : runs + 1;
        if (runs > MOST_AT_ONCE) {
          throw new RangeError(
            `Cannot advance by ${ms} ms: ${MOST_AT_ONCE} timers ran at the same time, and ${timers.size} are set: does one of 0 ms set itself again?`,
          );
        }
        await fire(timer);
      }
      nowMs = endMs;
    },
    async until(promise, { withinMs = 3_600_000 } = {}) {
      atLeast("move time until the promise settles", "withinMs", withinMs, 0);
      const endMs = nowMs + withinMs;
      let settled = false;
      const noted = () => {
        settled = true;
      };
      promise.then(noted, noted);
      await settle();
      while (!settled) {
        const timer = first();
        if (!timer) {
          throw new Error("Cannot move time until the promise settles: no timer is set that could settle it");
        }
        if (timer.dueMs > endMs) {
          throw new Error(
            `Cannot move time until the promise settles: it has not within ${withinMs} ms, and the next timer is due ${timer.dueMs - endMs} ms later`,
          );
        }
        await fire(timer);
      }
      return promise;
    },
    sleep(ms) {
      checkMs("sleep", ms);
      nowMs += ms;
    },
    settle,
  };

  function first(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of timers) if (!earliest || timer.dueMs < earliest.dueMs) earliest = timer;
    return earliest;
  }

  async function fire(timer: Timer): Promise<void> {
    timers.delete(timer);
    nowMs = Math.max(nowMs, timer.dueMs);
    timer.run();
    await settle();
  }
}

function checkMs(what: string, ms: number): void {
  if (!(typeof ms === "number" && ms >= 0 && ms < Infinity)) {
    throw new RangeError(`Cannot ${what}: ms is ${ms}, expected a number from 0 on`);
  }
}

/** A turn of the loop is behind every promise; streams of some platforms take more than one. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise<void>(inNextTurn);
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const MOST_AT_ONCE = 10_000;
