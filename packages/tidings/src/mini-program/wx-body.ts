/**
 * Bodies and headers in the shapes that hosts give and take.
 * This module is browser compatible.
 */

/** A chunk or a body; `undefined` for what is neither. By tag: the prototype may be another realm's, where `instanceof` says no. */
export function readBody(data: unknown): Uint8Array | string | undefined {
  const tag = tagOf(data);
  if (tag === "[object ArrayBuffer]") return new Uint8Array(data as ArrayBuffer);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (tag === "[object String]") return data as string;
  // A host that parsed it all the same: only a refusal is JSON.
  return tag === "[object Object]" ? textOf(() => JSON.stringify(data)) : undefined;
}

/** @returns Nothing for what cannot be put as text. */
export function textOf(write: () => string): string | undefined {
  try {
    return write();
  } catch {
    return undefined;
  }
}

/** `wx` takes strings, objects and ArrayBuffers; it would send a view as the JSON of an object. */
export function writeBody(body: unknown): unknown {
  if (tagOf(body) !== "[object Uint8Array]") return body;
  const { buffer, byteOffset, byteLength } = body as Uint8Array;
  return buffer.slice(byteOffset, byteOffset + byteLength);
}

export function lowerNames(header: Record<string, unknown> | undefined): Record<string, string> {
  const lower = Object.create(null) as Record<string, string>;
  Object.keys(header || {}).forEach((name) => {
    const value = textOf(() => String(header![name]));
    if (value !== undefined) lower[name.toLowerCase()] = value;
  });
  return lower;
}

/** The first character code of a chunk. */
export function firstCode(part: Uint8Array | string): number | undefined {
  return typeof part === "string" ? part.charCodeAt(0) : part[0];
}

export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}
