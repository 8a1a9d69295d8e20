/**
 * Frames bytes as a chunk of HTTP/1.1, for responses whose socket we write to ourselves.
 * Format: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
 * This module is browser compatible.
 */

/**
 * One chunk of these bytes. Chunks may be joined. Of no bytes none is made, since an empty chunk ends the body.
 * @param length - That of all parts together.
 */
export function toChunk(parts: readonly Uint8Array[], length: number): Uint8Array {
  const size = length.toString(16);
  const chunk = newBytes(length === 0 ? 0 : size.length + 2 + length + 2);
  if (length === 0) return chunk;
  let at = 0;
  for (; at < size.length; at += 1) chunk[at] = size.charCodeAt(at);
  chunk[at++] = CR;
  chunk[at++] = LF;
  for (const part of parts) {
    chunk.set(part, at);
    at += part.length;
  }
  chunk[at++] = CR;
  chunk[at] = LF;
  return chunk;
}

const { Buffer } = globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array } };

/** A Buffer where there are such, as Node's streams would otherwise make one at each write; in memory of its own, to be shared. */
export function newBytes(size: number): Uint8Array {
  return Buffer === undefined ? new Uint8Array(size) : Buffer.allocUnsafeSlow(size);
}

const CR = 13;
const LF = 10;
