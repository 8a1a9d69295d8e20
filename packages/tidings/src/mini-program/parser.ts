/**
 * The parser where there is no TextDecoder: the wire's, with the wire's own decoder.
 * This module is browser compatible.
 */
import type { ParserHandlers, ParserLimits } from "../wire/handlers.ts";
import { createParser as createWireParser, type Parser } from "../wire/parser.ts";
import { createUtf8Decoder } from "../wire/utf8.ts";

/** A parser that calls `handlers` while it reads. It does what the wire's `createParser` does. */
export function createParser(handlers: ParserHandlers, limits?: ParserLimits): Parser {
  const decoder = createUtf8Decoder();
  return createWireParser(
    handlers,
    limits,
    (bytes, from, to) => decoder.decode(bytes.subarray(from, to)) + decoder.end(),
  );
}
