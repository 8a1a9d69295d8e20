/**
 * The work on bytes that a platform may have a faster way for: an entry for Node puts Node's here.
 * This module is browser compatible.
 */
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
   * @param take - Takes the text.
   * @param maxLineBytes - How many bytes may be kept back for want of a line end. Default: 1 MiB.
   */
  createDecoder(this: void, take: (text: string) => void, maxLineBytes?: number): ChunkDecoder;
  /** The UTF-8 of text without lone surrogates. */
  encode(this: void, text: string): Uint8Array;
}

export const platform: Platform = {
  createDecoder(take) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (chunk) => take(decoder.decode(chunk, { stream: true })),
      end: () => take(decoder.decode()),
    };
  },
  encode: (text) => new TextEncoder().encode(text),
};
