/**
 * Turns an event stream into messages: bytes or strings in, cut anywhere.
 * Bytes are cut at the last line end of each chunk. A line end never falls within a character, so that whole lines are
 * decoded in one call without state, and what follows them waits, as bytes, for its own line end.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible.
 */
import { LimitError } from "./limit-error.ts";
import { platform } from "./platform.ts";
import { createTextParser, type ParserHandlers, type ParserLimits } from "./text-parser.ts";

export interface Parser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next chunk, which may be used for something else afterwards. A stream is all bytes or all strings.
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser wants `reset()`.
   */
  push(this: void, chunk: Uint8Array | string): void;
  /**
   * Ends the stream. "Once the end of the file is reached, any pending data must be discarded."
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed.
   */
  end(this: void): { truncated: boolean };
  /**
   * Forgets the unfinished message and waits for a new stream; within a handler, the rest of the chunk is not read.
   * The last event ID stays, as it does over reconnects.
   */
  reset(this: void): void;
}

/** A parser that calls `handlers` while it reads. */
export function createParser(handlers: ParserHandlers, limits: ParserLimits = {}): Parser {
  const parser: Parser = createTextParser(handlers, limits);
  const { push: pushText, end: endText, reset: resetText } = parser;
  const { maxLineBytes = 2 ** 20 } = limits;
  // The line that no line end followed yet. A copy, since the chunk is its owner's again when `push` returns.
  let rest = new Uint8Array(0);
  let restLength = 0;
  // Goes up with each stream, so that `push` sees that a handler has called `reset`.
  let stream = 0;

  parser.push = (chunk) => {
    if (typeof chunk === "string") {
      flush();
      return pushText(chunk);
    }
    if (chunk.BYTES_PER_ELEMENT !== 1) {
      throw new TypeError(
        "Cannot push chunk: it is neither bytes nor a string, expected a Uint8Array or a string",
      );
    }
    const current = stream;
    const length = chunk.length;
    let end = platform.lastIndexOf(chunk, LF, length) + 1;
    if (platform.indexOf(chunk, CR, end) >= 0) end = platform.lastIndexOf(chunk, CR, length) + 1;
    let at = 0;
    if (end > 0 && restLength > 0) {
      // A small chunk is copied behind the rest whole, and decoded with it in one call.
      at = length > SMALL ? platform.indexOf(chunk, LF, 0) + 1 || end : end;
      hold(chunk, 0, at);
      flush();
    }
    // In blocks, since the text of a block stays in memory as long as any slice of it does.
    while (at < end && current === stream) {
      let stop = end;
      if (end - at > BLOCK) {
        stop = platform.lastIndexOf(chunk, LF, at + BLOCK) + 1;
        if (stop <= at) stop = platform.indexOf(chunk, LF, at + BLOCK) + 1 || end;
      }
      pushText(platform.decode(chunk, at, stop));
      at = stop;
    }
    if (end < length && current === stream) {
      hold(chunk, end, length);
      // A BOM, which is no part of its line, may be among them. The text is measured again, exactly.
      if (restLength - 3 > maxLineBytes) throw new LimitError("maxLineBytes", maxLineBytes);
    }
  };

  parser.end = () => {
    flush();
    return endText();
  };

  parser.reset = () => {
    stream++;
    restLength = 0;
    resetText();
  };

  return parser;

  function hold(chunk: Uint8Array, from: number, to: number): void {
    const needed = restLength + to - from;
    if (needed > rest.length) {
      const longer = new Uint8Array(Math.max(needed, rest.length * 2, SMALL));
      longer.set(rest.subarray(0, restLength));
      rest = longer;
    }
    rest.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), restLength);
    restLength = needed;
  }

  function flush(): void {
    if (restLength === 0) return;
    const text = platform.decode(rest, 0, restLength);
    restLength = 0;
    if (rest.length > LARGEST_KEPT) rest = new Uint8Array(0);
    pushText(text);
  }
}

const LF = 10;
const CR = 13;
const SMALL = 1024;
const BLOCK = 8192;
const LARGEST_KEPT = 2 ** 16;
