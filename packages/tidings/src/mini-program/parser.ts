/**
 * The parser where there is no TextDecoder: the wire's own decoder in front of the wire's text parser.
 * This module is browser compatible.
 */
import type { Parser } from "../wire/parser.ts";
import { createTextParser, type ParserHandlers, type ParserLimits } from "../wire/text-parser.ts";
import { createUtf8Decoder } from "../wire/utf8.ts";

/** A parser that calls `handlers` while it reads. It does what the wire's `createParser` does. */
export function createParser(handlers: ParserHandlers, limits?: ParserLimits): Parser {
  const text = createTextParser(handlers, limits);
  const decoder = createUtf8Decoder();
  return {
    get lastEventId() {
      return text.lastEventId;
    },
    set lastEventId(id) {
      text.lastEventId = id;
    },
    push(chunk) {
      text.push(typeof chunk === "string" ? chunk : decoder.decode(chunk));
    },
    end() {
      text.push(decoder.end());
      return text.end();
    },
    reset() {
      decoder.end();
      text.reset();
    },
  };
}
