/**
 * What the application gives may be there at once or come as a promise, and may fail either way. This is the one place that
 * tells the cases apart, so that what is there at once is used at once.
 * This module is browser compatible.
 */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return !!value && typeof (value as { then?: unknown }).then === "function";
}

/** Runs `run` and hands what it gives to `take`, and what it throws to `fail`: at once, or when its promise has settled. */
export function settle<T>(
  run: () => T | PromiseLike<T>,
  take: (value: T) => void,
  fail: (thrown: unknown) => void,
): void {
  let value: T | PromiseLike<T>;
  try {
    value = run();
  } catch (thrown) {
    return fail(thrown);
  }
  if (isThenable(value)) value.then(take, fail);
  else take(value);
}

/** A mistake in a handler is the application's to see, and no reason to stop reading. */
export function report(thrown: unknown): void {
  void Promise.resolve().then(() => {
    throw thrown;
  });
}
