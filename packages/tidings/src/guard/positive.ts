/**
 * Checks a limit that an application gave.
 * This module is browser compatible.
 */
import { show } from "./show.ts";

/**
 * @param action - What cannot be done, in the error: `"create hub"`.
 * @param or - What else the option takes: `"false"`.
 * @throws {RangeError} If `value` is not a number above 0. `Infinity` is one.
 */
export function positive(action: string, name: string, value: unknown, or?: string): number {
  if (typeof value === "number" && value > 0) return value;
  throw new RangeError(
    `Cannot ${action}: ${name} is ${show(value)}, expected a number above 0${or === undefined ? "" : `, or ${or}`}`,
  );
}
