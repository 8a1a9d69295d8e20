/**
 * The parser for those who ask rather than being called: a chunk goes in, its messages come out.
 * This module is browser compatible.
 */
import type { ParserHandlers, ParserLimits } from "./handlers.ts";
import type { ParsedMessage } from "./message.ts";
import { createParser, type ParserEnd } from "./parser.ts";

/** Called for what is not a message, and the limits: as for {@link createParser}. */
export interface ReaderOptions extends Omit<ParserHandlers, "onMessage">, ParserLimits {}

export interface Reader {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next chunk. A stream is all bytes or all strings.
   * @returns The messages that it completes; an array of its own, often empty.
   * @throws {LimitError} If a line or a message is too long. The messages before it are lost, and the reader wants `reset()`.
   */
  read(this: void, chunk: Uint8Array | string): ParsedMessage[];
  /** Ends the stream. @returns Whether a message was cut off, and what there was of it. */
  end(this: void): ParserEnd;
  /** Forgets the unfinished message and waits for a new stream. The last event ID stays. */
  reset(this: void): void;
}

/** A parser that gives an array for each chunk. */
export function createReader(options: ReaderOptions = {}): Reader {
  let messages: ParsedMessage[] = [];
  const parser = createParser({ ...options, onMessage: (message) => void messages.push(message) }, options);

  return {
    get lastEventId() {
      return parser.lastEventId;
    },
    set lastEventId(id) {
      parser.lastEventId = id;
    },
    read(chunk) {
      messages = [];
      parser.push(chunk);
      return messages;
    },
    end: parser.end,
    reset: parser.reset,
  };
}
