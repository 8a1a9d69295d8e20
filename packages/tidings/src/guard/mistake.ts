/**
 * Tells a mistake in a call of ours from everything else that can be thrown. A class cannot: `fetch` rejects with a TypeError
 * too, and so does every typo in a callback.
 * This module is browser compatible.
 */

const mistakes = new WeakSet();

/** Marks an error as a mistake in the call: `throw mistake(new TypeError("Cannot subscribe: …"))`. */
export function mistake<Thrown extends Error>(error: Thrown): Thrown {
  mistakes.add(error);
  return error;
}

/** Whether `error` came from {@link mistake}. */
export function isMistake(error: unknown): error is Error {
  return typeof error === "object" && error !== null && mistakes.has(error);
}
