/**
 * Compressed parts of a gzip stream. Each is whole blocks of deflate that end on a byte, so that parts can follow each
 * other, and a decoder has everything that was put in as soon as it has the part.
 * Formats: https://www.rfc-editor.org/rfc/rfc1951, https://www.rfc-editor.org/rfc/rfc1952
 * This module is browser compatible.
 */
import { Batch } from "../out/batch.ts";
import { partSum, type PartSum } from "./checksum.ts";
import { Z_SYNC_FLUSH, zlib } from "./zlib.ts";

export interface Deflated {
  readonly batch: Batch;
  /** Of what was put in. */
  readonly sum: PartSum;
}

/** @param window - What a decoder has put out last, if it is known; it may be referred to. */
export function deflate(bytes: Uint8Array, level: number, sum: PartSum, window?: Uint8Array): Deflated {
  // A window as small as what is in it, since setting up a large one is most of the work on a short message.
  const reach = bytes.length + (window?.length ?? 0);
  const windowBits = Math.min(15, Math.max(9, 32 - Math.clz32(reach)));
  const options = { level, windowBits, memLevel: Math.min(8, windowBits - 5), finishFlush: Z_SYNC_FLUSH };
  const deflated = zlib()!.deflateRawSync(
    bytes,
    window === undefined ? options : { ...options, dictionary: window },
  );
  return { batch: Batch.of(deflated), sum };
}

export function sumOf(bytes: Uint8Array): PartSum {
  return partSum(zlib()!.crc32(bytes), bytes.length);
}

/** Deflate, no name, no time, from an unknown system. */
export const GZIP_HEADER: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

/** An empty last block, since the parts have none, then what a decoder compares. */
export function gzipTrailer(crc: number, length: number): Uint8Array {
  const trailer = new Uint8Array(10);
  trailer[0] = 3;
  const view = new DataView(trailer.buffer);
  view.setUint32(2, crc, true);
  view.setUint32(6, length % 2 ** 32, true);
  return trailer;
}
