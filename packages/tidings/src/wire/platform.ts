/**
 * The work on bytes that a platform may have a faster way for: an entry for Node puts Node's here.
 * This module is browser compatible.
 */
import type { ParserHandlers, ParserLimits, TextParser } from "./text-parser.ts";

/** Bytes in, text out, cut anywhere and broken in any way. A BOM is passed on: the parser decides. */
export interface ChunkDecoder {
  push(chunk: Uint8Array): void;
  /** Passes on what is left, which ends the stream. */
  end(): void;
  /** Passes nothing on any more, also of the chunk that it is at. Absent where a chunk is passed on at once. */
  stop?(): void;
}

export interface Platform {
  /**
   * @param push - Takes the text.
   * @param parser - Whose last event ID it is.
   * @param handlers - The parser's own: who sees that a part of the text is a message may hand it over at once.
   * @param limits - The parser's own: what is kept back for want of a line end is bounded too.
   */
  createDecoder(
    this: void,
    push: TextParser["push"],
    parser: { readonly lastEventId: string },
    handlers: ParserHandlers,
    limits: ParserLimits,
  ): ChunkDecoder;
  /** The UTF-8 of text without lone surrogates. */
  encode(this: void, text: string): Uint8Array;
}

export const platform: Platform = {
  createDecoder(push) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (chunk) => push(decoder.decode(chunk, { stream: true })),
      end: () => push(decoder.decode()),
    };
  },
  encode: (text) => new TextEncoder().encode(text),
};
