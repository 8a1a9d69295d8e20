/**
 * Checks a number that an application gave, in as few bytes as browsers and mini programs allow for.
 * This module is browser compatible.
 */

/**
 * @param action - What cannot be done, in the error: `"connect"`.
 * @param value - Undefined for the default.
 * @throws {RangeError} If `value` is no number of at least `least`. `Infinity` is one.
 */
export function atLeast(action: string, name: string, value: number | undefined, least: number): void {
  if (value !== undefined && !(typeof value === "number" && value >= least)) {
    throw new RangeError(`Cannot ${action}: ${name} is ${value}, expected a number of at least ${least}`);
  }
}
