/**
 * Frames bytes as a chunk of HTTP/1.1, for responses whose socket we write to ourselves.
 * Format: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
 * This module is browser compatible.
 */

/** One chunk of these bytes. Chunks may be joined; of no bytes none is made, since an empty chunk ends the body. */
export function toChunk(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  const size = bytes.length.toString(16);
  const chunk = newBytes(size.length + 2 + bytes.length + 2);
  for (let at = 0; at < size.length; at++) chunk[at] = size.charCodeAt(at);
  chunk[size.length] = CR;
  chunk[size.length + 1] = LF;
  chunk.set(bytes, size.length + 2);
  chunk[chunk.length - 2] = CR;
  chunk[chunk.length - 1] = LF;
  return chunk;
}

const { Buffer } = globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array } };

/** A Buffer where there are such, as Node's streams would otherwise make one at each write; in memory of its own, to be shared. */
export function newBytes(size: number): Uint8Array {
  return Buffer === undefined ? new Uint8Array(size) : Buffer.allocUnsafeSlow(size);
}

const CR = 13;
const LF = 10;
