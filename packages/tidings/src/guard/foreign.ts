/**
 * The guard: the only way to call code that is not ours. A callback, promise, iterable or store of the application may throw,
 * reject, return nonsense, never settle, or call back into us. It gets a report, and nobody else notices.
 *
 * - `tell` notifies: at most what it gives at once matters.
 * - `ask` needs a result: now or later, or a failure.
 * - `reportUncaught` is for an error that no caller and no option can receive.
 *
 * This module is browser compatible.
 */

/** Where the mistakes of foreign code go. Never throws: see `reporter`. */
export type Report = (error: unknown) => void;

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/**
 * Calls a callback. What it throws, or rejects with, goes to `report`. Never throws.
 * @param callback - Nothing happens when it is absent.
 * @returns What it gave; nothing if it failed, or if that is a promise, which comes too late.
 */
export function tell<Values extends readonly unknown[], Result>(
  report: Report,
  callback: ((...values: Values) => Result) | undefined,
  ...values: Values
): Exclude<Result, PromiseLike<unknown>> | undefined {
  if (!callback) return;
  try {
    const result = callback(...values);
    if (!isThenable(result)) return result as Exclude<Result, PromiseLike<unknown>>;
    Promise.resolve(result).then(undefined, report);
  } catch (error) {
    report(error);
  }
  return;
}

/**
 * Runs `question` and passes what it gives to `take`, or what it throws or rejects with to `fail`. Exactly one of the two is
 * called, once: at once when the result is there, later when it is a promise. Errors of `take` are not passed to `fail`.
 */
export function ask<Result>(
  question: () => Result | PromiseLike<Result>,
  take: (result: Result) => void,
  fail: (error: unknown) => void,
): void {
  let result: Result | PromiseLike<Result>;
  let later: boolean;
  try {
    result = question();
    // Reading `then` is a call of foreign code as well.
    later = isThenable(result);
  } catch (error) {
    return fail(error);
  }
  if (!later) return take(result as Result);
  // Resolved anew: a thenable may call both of its callbacks, or one of them twice.
  Promise.resolve(result).then(take, fail);
}

/**
 * Reports an error that no caller can receive as an uncaught error, as the DOM does with a listener that throws:
 * `window.onerror` in a browser, `uncaughtException` in Node.
 */
export function reportUncaught(mistake: unknown): void {
  if (typeof reportError === "function") return reportError(mistake);
  void Promise.resolve().then(() => {
    throw mistake;
  });
}

/**
 * Makes a report of the application's `onError`. It never throws: when `onError` does, both errors go to the console.
 * @param onError - Default: `console.error`.
 */
export function reporter(onError: ((error: unknown) => unknown) | undefined): Report {
  if (onError === undefined) return log;
  return (error) => {
    tell(
      (second) => {
        log(error);
        log(second);
      },
      onError,
      error,
    );
  };
}

function log(error: unknown): void {
  try {
    // oxlint-disable-next-line no-console -- an error that nobody else receives has to be seen somewhere
    console.error(error);
  } catch {
    // A console that throws, or none: there is nobody left to tell.
  }
}
