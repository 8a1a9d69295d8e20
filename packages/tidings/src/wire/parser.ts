/**
 * Turns an event stream into messages: bytes or strings in, cut anywhere.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible.
 */
import { type ChunkDecoder, platform } from "./platform.ts";
import { createTextParser, type ParserEnd, type ParserHandlers, type ParserLimits } from "./text-parser.ts";

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
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed. And what there was of it.
   */
  end(this: void): ParserEnd;
  /**
   * Forgets the unfinished message and waits for a new stream; within a handler, the rest of the chunk is not read.
   * The last event ID stays, as it does over reconnects.
   */
  reset(this: void): void;
}

/** A parser that calls `handlers` while it reads. */
export function createParser(handlers: ParserHandlers, limits: ParserLimits = {}): Parser {
  const text = createTextParser(handlers, limits);
  const parser: Parser = text;
  const { push, end, reset } = text;
  let decoder: ChunkDecoder | undefined;

  parser.push = (chunk) => {
    if (typeof chunk === "string") return push(chunk);
    decoder ??= platform.createDecoder(push, parser, handlers, limits);
    decoder.push(chunk);
  };
  parser.end = () => {
    decoder?.end();
    decoder = undefined;
    return end();
  };
  parser.reset = () => {
    decoder?.stop?.();
    decoder = undefined;
    reset();
  };
  return parser;
}
