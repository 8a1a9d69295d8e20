/**
 * Waits for a promise that may never settle.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "./timer.ts";

/** Resolves with what `promise` resolves with, or with nothing after `ms`. Rejects as it does. */
export async function within<Value>(ms: number, promise: PromiseLike<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.min(ms, LONGEST_TIMER_MS));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
