/**
 * Time and chance, handed in so that tests control them.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";

export interface Clock {
  /** Never goes back. */
  nowMs(): number;
  /** From 0 up to 1. */
  random(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

let lastMs = 0;
let aheadMs = 0;

/**
 * The platform's clock, looked up at each call so that a test's fake timers are seen.
 * It is the wall clock, since `performance.now()` stands still while some machines sleep, but it never goes back: when somebody sets
 * the clock back, no wait grows by that.
 */
export const systemClock: Clock = {
  nowMs() {
    const nowMs = Date.now() + aheadMs;
    if (nowMs < lastMs) aheadMs += lastMs - nowMs;
    return (lastMs = Math.max(lastMs, nowMs));
  },
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_TIMER_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
