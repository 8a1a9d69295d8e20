/**
 * Time and chance, handed in so that tests hold them.
 * This module is browser compatible.
 */

export interface Clock {
  nowMs(): number;
  /** From 0 up to 1. */
  random(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The clock of the platform, looked up at each call so that a test's fake timers are seen. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
