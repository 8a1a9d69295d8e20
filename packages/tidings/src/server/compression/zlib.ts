/**
 * Node's zlib, where there is one: Node, Bun and Deno have it. No types of Node's are needed to compile against it.
 * This module is browser compatible.
 */

interface DeflateOptions {
  readonly level: number;
  readonly windowBits?: number;
  readonly memLevel?: number;
  readonly dictionary?: Uint8Array;
  readonly flush?: number;
  readonly finishFlush?: number;
}

/** What we use of a stream that compresses. */
export interface GzipStream {
  readonly writableLength: number;
  readonly readableLength: number;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
  on(name: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(name: "drain" | "end" | "error", listener: () => void): unknown;
}

export interface Zlib {
  deflateRawSync(bytes: Uint8Array, options: DeflateOptions): Uint8Array;
  createGzip(options: DeflateOptions): GzipStream;
  crc32(bytes: Uint8Array): number;
}

let known: Zlib | undefined;

export function zlib(): Zlib | undefined {
  if (known !== undefined) return known;
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: "node:zlib"): Partial<Zlib> | undefined };
  };
  const found = process?.getBuiltinModule?.("node:zlib");
  if (found?.deflateRawSync === undefined || found.crc32 === undefined) return undefined;
  known = found as Zlib;
  return known;
}

/** Ends on a byte, with everything in it that was put in: https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4 */
export const Z_SYNC_FLUSH = 2;
