/**
 * Describes a foreign value in an error message. `JSON.stringify` cannot: it throws on a BigInt, on a circular object and on
 * any `toJSON` that does, and writes nothing for a function.
 * This module is browser compatible.
 */

const MOST_CHARACTERS = 100;

/** `"text"` in quotes, a number as it is, `an array of 3`, `a Promise`, `a function`. At most about 100 characters. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string": {
      const isLong = value.length > MOST_CHARACTERS;
      return JSON.stringify(isLong ? `${value.slice(0, MOST_CHARACTERS)}…` : value);
    }
    case "function":
      return "a function";
    case "object":
      if (value === null) return "null";
      try {
        if (Array.isArray(value)) return `an array of ${value.length}`;
        const name: unknown = value.constructor?.name;
        return typeof name === "string" && name !== "" && name !== "Object"
          ? `a ${name.slice(0, MOST_CHARACTERS)}`
          : "an object";
      } catch {
        return "an object";
      }
    default:
      return String(value);
  }
}
