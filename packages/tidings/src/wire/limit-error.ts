/**
 * What a parser throws when the other side sends more than was allowed for.
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */

/** A line or a message was longer than its limit. The parser takes a new stream after `reset()`. */
export class LimitError extends Error {
  override readonly name = "LimitError";
  readonly code: "line-too-long" | "message-too-long";
  /** The name of the limit that was exceeded. */
  readonly limit: "maxLineBytes" | "maxMessageBytes";
  /** Its value, in bytes. */
  readonly limitBytes: number;

  constructor(limit: LimitError["limit"], limitBytes: number) {
    const what = limit === "maxLineBytes" ? "line" : "message";
    super(`Cannot parse event stream: ${what} is longer than ${limitBytes} bytes (${limit})`);
    this.code = `${what}-too-long`;
    this.limit = limit;
    this.limitBytes = limitBytes;
  }
}
