/**
 * Node's own ways with bytes. The entries for Node import this file for what it does.
 *
 * What is fastest depends on the version. From Node 24 on, one call decodes whatever comes. Before, that call is slow for text
 * that is not ASCII, and the best for what is short. Of long text, ASCII is copied as Latin-1, other text is transcoded to UTF-16,
 * and broken UTF-8 is left to TextDecoder.
 * Searches of a Buffer use the processor's vectors; those of a Uint8Array do not.
 */
import { isAscii, isUtf8, transcode } from "node:buffer";
import { type DecodeUtf8, replacePlatform } from "../wire/parser.ts";

/** Of the prototype, since the chunks that fetch gives are Uint8Arrays and no Buffers. */
const { indexOf, lastIndexOf, latin1Slice, ucs2Slice, utf8Slice } = Buffer.prototype as unknown as {
  readonly indexOf: Search;
  readonly lastIndexOf: Search;
  readonly latin1Slice: Slice;
  readonly ucs2Slice: Slice;
  readonly utf8Slice: Slice;
};
type Search = (this: Uint8Array, byte: number, from: number) => number;
type Slice = (this: Uint8Array, from: number, to: number) => string;

const FIRST_WITH_FAST_UTF8 = 24;
/** Up to this many bytes, one call that is slow takes less than four that are fast. */
const SHORT = 320;

replacePlatform({
  decodeUtf8: decoderFor(Number.parseInt(process.versions.node, 10)),
  indexOf: (bytes, byte, from) => indexOf.call(bytes, byte, from),
  lastIndexOf: (bytes, byte, from) => lastIndexOf.call(bytes, byte, from),
  searchesBytes: true,
});

/** For the tests, which run on one version and look at both. */
export function decoderFor(nodeVersion: number): DecodeUtf8 {
  if (nodeVersion >= FIRST_WITH_FAST_UTF8) return (bytes, from, to) => utf8Slice.call(bytes, from, to);

  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (bytes, from, to) => {
    if (to - from <= SHORT) return utf8Slice.call(bytes, from, to);
    const part = bytes.subarray(from, to);
    if (isAscii(part)) return latin1Slice.call(part, 0, part.length);
    if (!isUtf8(part)) return decoder.decode(part);
    const utf16 = transcode(part, "utf8", "utf16le");
    return ucs2Slice.call(utf16, 0, utf16.length);
  };
}
