/**
 * What a parser throws when the other side sends more than was allowed for.
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */

/** A line or a message was longer than its limit. The parser takes a new stream after `reset()`. */
export class LimitError extends Error {
  declare readonly code: "line-too-long" | "message-too-long";
  /** What was exceeded, in bytes: `maxLineBytes` or `maxMessageBytes`. */
  declare readonly limit: number;

  constructor(what: "line" | "message", limit: number) {
    super(`Cannot parse event stream: ${what} is longer than ${limit} bytes`);
    this.name = "LimitError";
    this.code = `${what}-too-long`;
    this.limit = limit;
  }
}
