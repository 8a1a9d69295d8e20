/**
 * The parser where there is no TextDecoder: the wire's text parser with the wire's own decoder.
 * This module is browser compatible.
 */
import type { Parser } from "../wire/parser.ts";
import { createTextParser, type ParserHandlers, type ParserLimits } from "../wire/text-parser.ts";
import { createUtf8Decoder } from "../wire/utf8.ts";

/** A parser that calls `handlers` while it reads. It does what the wire's `createParser` does. */
export function createParser(handlers: ParserHandlers, limits?: ParserLimits): Parser {
  const decoder = createUtf8Decoder();
  return createTextParser<Uint8Array | string>(handlers, limits, (chunk) => {
    if (typeof chunk === "string") return chunk;
    return chunk === undefined ? decoder.end() : decoder.decode(chunk);
  });
}
