/**
 * Waits for the application's answer no longer than a limit, since a promise may never settle.
 * This module is browser compatible.
 */
import { STOOD_STILL_MS } from "./timer-wheel.ts";

/**
 * Rejects with an Error that names `action` and `what` when `promise` has not settled after `ms`. Infinity waits forever.
 * @param signal - Rejects with its reason when it aborts: nobody waits any more, and no timer is left.
 */
export function withTimeLimit<Value>(
  promise: PromiseLike<Value>,
  ms: number,
  action: string,
  what: string,
  signal?: AbortSignal,
): Promise<Value> {
  if (!(ms < 2 ** 31)) return Promise.resolve(promise);
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (forMs: number): void => {
      const dueMs = performance.now() + forMs;
      timer = setTimeout(() => {
        // The process stood still: what has come meanwhile is read behind the timers.
        if (performance.now() - dueMs >= STOOD_STILL_MS) wait(Math.min(ms, STOOD_STILL_MS));
        else reject(new Error(`Cannot ${action}: ${what} did not finish within ${ms} ms (timeoutMs)`));
      }, forMs);
      (timer as { unref?: () => void }).unref?.();
    };
    wait(ms);
    const settled =
      <Result>(settle: (result: Result) => void) =>
      (result: Result) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        settle(result);
      };
    const aborted = (): void => settled(reject)(signal!.reason);
    if (signal?.aborted === true) return aborted();
    signal?.addEventListener("abort", aborted);
    Promise.resolve(promise).then(settled(resolve), settled(reject));
  });
}
