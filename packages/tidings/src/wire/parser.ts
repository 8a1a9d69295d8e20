/**
 * Turns an event stream into messages: bytes or strings in, cut anywhere.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible.
 */
import { createTextParser, type ParserHandlers, type ParserLimits, type TextParser } from "./text-parser.ts";

/** A stream is all bytes or all strings. A chunk of bytes may be used for something else when `push` has returned. */
export type Parser = TextParser<Uint8Array | string>;

/** A parser that calls `handlers` while it reads. */
export let createParser = (handlers: ParserHandlers, limits?: ParserLimits): Parser => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return createTextParser<Uint8Array | string>(handlers, limits, (chunk) =>
    typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: chunk !== undefined }),
  );
};

/** For the entry of a platform that has a faster way with bytes. */
export function replaceCreateParser(own: typeof createParser): void {
  createParser = own;
}
