/**
 * What clients and servers of others throw, as errors that can be looked at, and promises of theirs that nobody waits for.
 * This module is browser compatible.
 */
import { isThenable } from "./foreign.ts";
import { ignore } from "./ignore.ts";
import { words } from "./unreadable.ts";

/** The same where it is an Error with a message, or an Error whose cause it is. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === "string") return thrown;
  } catch {
    // A revoked Proxy, say.
  }
  return new Error(words(thrown), { cause: thrown });
}

/** What a call gave whose result nobody waits for: where that is a promise, its rejection is nobody's. */
export function unawaited<Value>(given: Value, take: (error: unknown) => void = ignore): Value {
  if (isThenable(given)) Promise.resolve(given).then(undefined, take);
  return given;
}
