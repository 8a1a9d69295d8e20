/**
 * The work on bytes that a platform may have a faster way for: an entry for Node puts Node's here.
 * This module is browser compatible.
 */
import type { TextParser } from "./text-parser.ts";

/** Bytes in, text out, cut anywhere and broken in any way. A BOM is passed on: the parser decides. */
export interface ChunkDecoder {
  push(chunk: Uint8Array): void;
  /** Passes on what is left, which ends the stream. */
  end(): void;
}

export interface Platform {
  /**
   * @param take - Takes the text, and its UTF-16 units as TextParser.push does.
   * @param maxLineBytes - How many bytes may be kept back for want of a line end. Default: 1 MiB.
   */
  createChunkDecoder(take: TextParser["push"], maxLineBytes?: number): ChunkDecoder;
}

export const platform: Platform = {
  createChunkDecoder(take) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (chunk) => take(decoder.decode(chunk, { stream: true })),
      end: () => take(decoder.decode()),
    };
  },
};
