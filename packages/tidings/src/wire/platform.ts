/**
 * The work on bytes that a platform may have a faster way for: node.ts beside this file puts Node's here.
 * This module is browser compatible.
 */
import { createUtf8Decoder } from "./utf8.ts";

export interface Platform {
  /** The first index of `byte` from `from` on, or -1. */
  indexOf(bytes: Uint8Array, byte: number, from: number): number;
  /** The last index of `byte` up to `from`, or -1. */
  lastIndexOf(bytes: Uint8Array, byte: number, from: number): number;
  /** The text of whole characters; what is broken or unfinished becomes U+FFFD. A BOM is passed on: the parser decides. */
  decode(bytes: Uint8Array, from: number, to: number): string;
}

export const platform: Platform = {
  indexOf: (bytes, byte, from) => bytes.indexOf(byte, from),
  lastIndexOf: (bytes, byte, from) => bytes.lastIndexOf(byte, from),
  decode(bytes, from, to) {
    const part = bytes.subarray(from, to);
    if (typeof TextDecoder === "undefined") {
      const decoder = createUtf8Decoder();
      return decoder.decode(part) + decoder.end();
    }
    decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(part);
  },
};

let decoder: TextDecoder | undefined;
