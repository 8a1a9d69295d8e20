/**
 * Turns an event stream into messages: bytes or strings in, cut anywhere.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible.
 */
import { createTextParser, type ParserHandlers } from "./text-parser.ts";

export interface Parser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /** Takes the next chunk. One stream is all bytes or all strings. */
  push(chunk: Uint8Array | string): void;
  /** Ends the stream. @returns Whether a message was cut off, and so discarded. */
  end(): { truncated: boolean };
  /** Forgets the unfinished message and waits for a new stream. The last event ID stays, as it does over reconnects. */
  reset(): void;
}

/** A parser that calls `handlers` while it reads. */
export function createParser(handlers: ParserHandlers): Parser {
  const text = createTextParser(handlers);
  // The BOM is the parser's to remove, once: a decoder of its own would remove another.
  let decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    get lastEventId() {
      return text.lastEventId;
    },
    set lastEventId(id) {
      text.lastEventId = id;
    },
    push(chunk) {
      text.push(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
    },
    end() {
      text.push(decoder.decode());
      return text.end();
    },
    reset() {
      decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      text.reset();
    },
  };
}
