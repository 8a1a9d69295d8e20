/**
 * Reads objects whose own getters and traps may fail: a revoked Proxy, say.
 * This module is browser compatible.
 */
import { show } from "./show.ts";

/** What foreign code threw, in words. `String` alone cannot: it throws on an object that has none. */
export function words(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return show(thrown);
  }
}

/** The error for what could not be read: `Cannot publish: message cannot be read (…)`. */
export function unreadable(action: string, what: string, cause: unknown): TypeError {
  return new TypeError(`Cannot ${action}: ${what} cannot be read (${words(cause)})`, { cause });
}

/** @throws {TypeError} If `read` throws, with that as its cause. */
export function readForeign<Value>(action: string, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw unreadable(action, what, cause);
  }
}
