/**
 * What a parser throws when the other side sends more than was allowed for.
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */

/** A message or a line was longer than `maxMessageBytes`. The parser takes a new stream after `reset()`. */
export class LimitError extends Error {
  declare readonly code: "message-too-long";
  /** What was exceeded: `maxMessageBytes`. */
  declare readonly limit: number;

  constructor(limit: number) {
    super(`Cannot parse event stream: a message is longer than ${limit} bytes, the limit maxMessageBytes`);
    this.name = "LimitError";
    this.code = "message-too-long";
    this.limit = limit;
  }
}
