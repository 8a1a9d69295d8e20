/**
 * Names under which something is kept. One that is missing would be the same for all who miss theirs: they would share what they keep.
 * This module is browser compatible.
 */
import { show } from "../guard/show.ts";

/** @throws {TypeError} If it is no text, empty, or has a lone surrogate, which UTF-8 cannot carry. */
export function requiredText(action: string, name: string, value: unknown): string {
  if (typeof value === "string" && value !== "" && !/\p{Surrogate}/u.test(value)) return value;
  throw new TypeError(`Cannot ${action}: ${name} is ${show(value)}, expected text that is not empty`);
}
