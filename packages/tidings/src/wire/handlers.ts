/**
 * What a parser calls, and what a stream may cost it.
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import type { ParsedMessage } from "./message.ts";

/**
 * What a parser calls, without `this`. All are optional. An error that one throws comes out of `push`. What one returns is not
 * used: an async function has to handle its own errors.
 */
export interface ParserHandlers {
  /** A message was dispatched. */
  onMessage?(this: void, message: ParsedMessage): void;
  /** The server sent a reconnection time, in milliseconds as written: clamp it before you use it. */
  onRetry?(this: void, ms: number): void;
  /** A comment line, without its colon and the one space that may follow it. */
  onComment?(this: void, text: string): void;
  /** The last event ID was set, with a message or by a block without one. Called at the blank line, before `onMessage`. */
  onId?(this: void, id: string): void;
}

/** What a stream may cost. */
export interface ParserLimits {
  /**
   * The longest message: the bytes of its `data` as UTF-8, line breaks included, in however many lines it comes. A line of any
   * other kind may be as long. What is longer is a {@link LimitError}. Default: 16 MiB. `Infinity` means no limit. At most 32
   * MiB.
   */
  maxMessageBytes?: number | undefined;
}

/** Default: 16 MiB. */
export const MAX_MESSAGE_BYTES: number = 2 ** 24;

/**
 * The limit in use, once what was given to a parser has been checked.
 * @throws {TypeError} If `handlers` is not an object, or the limit not a positive number.
 */
export function checkArguments(handlers: ParserHandlers, limits?: ParserLimits): number {
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = limits || {};
  if (typeof handlers !== "object" || handlers === null)
    refuse("handlers", handlers, "an object such as { onMessage(message) {} }");
  if (typeof maxMessageBytes !== "number" || !(maxMessageBytes > 0))
    refuse("maxMessageBytes", maxMessageBytes, "a positive number");
  return maxMessageBytes;
}

function refuse(what: string, value: unknown, expected: string): never {
  throw new TypeError(
    `Cannot create parser: ${what} is ${typeof value === "function" ? "a function" : String(value)}, expected ${expected}`,
  );
}
