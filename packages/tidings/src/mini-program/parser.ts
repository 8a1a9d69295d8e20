/**
 * The parser where there is no TextDecoder: the compact one, with the wire's own decoder.
 * This module is browser compatible.
 */
import { createCompactParser } from "../wire/compact-parser.ts";
import type { ParserHandlers, ParserLimits } from "../wire/handlers.ts";
import type { Parser } from "../wire/parser.ts";
import { createUtf8Decoder } from "../wire/utf8.ts";

/** A parser that calls `handlers` while it reads. It does what the wire's `createParser` does. */
export function createParser(handlers: ParserHandlers, limits?: ParserLimits): Parser {
  const decoder = createUtf8Decoder();
  return createCompactParser(handlers, limits, (bytes) => (bytes ? decoder.decode(bytes) : decoder.end()));
}
