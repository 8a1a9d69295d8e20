/**
 * What an application says about compression.
 * This module is browser compatible.
 */
import { zlib } from "./zlib.ts";

export interface CompressionOptions {
  /** From 1 (fast) to 9 (small). Default: 6. */
  level?: number | undefined;
  /**
   * Whether each stream gets its own compressor, with its own window. A stream then compresses well even if no other stream is
   * sent the same, but each one costs memory ({@link windowBits}, {@link memLevel}) and CPU. Default: false: bytes for many
   * streams are compressed once.
   */
  perStream?: boolean | undefined;
  /** With `perStream`: how far the compressor looks back, 2^windowBits bytes, 9 to 15. Uses 2^(windowBits+2) bytes. Default: 13. */
  windowBits?: number | undefined;
  /** With `perStream`: the size of the compressor's state, 1 to 9. Uses 2^(memLevel+9) bytes. Default: 6. */
  memLevel?: number | undefined;
}

/** The options, with all defaults. */
export interface Compression {
  readonly level: number;
  /** Absent where bytes are shared. */
  readonly perStream: { readonly windowBits: number; readonly memLevel: number } | undefined;
}

/**
 * @param action - What cannot be done, in error messages.
 * @param standard - What `true` means.
 * @throws {TypeError} If this platform cannot compress, or options do not fit together.
 * @throws {RangeError} If a number is out of range.
 */
export function checkCompression(
  action: string,
  options: boolean | CompressionOptions | undefined,
  standard: CompressionOptions = {},
): Compression | undefined {
  if (options === undefined || options === false) return undefined;
  if (zlib() === undefined) {
    throw new TypeError(`Cannot ${action}: compression needs node:zlib, which this platform does not have`);
  }
  const { level = 6, perStream = false, windowBits, memLevel } = options === true ? standard : options;
  whole(action, "level", level, 1, 9);
  if (!perStream) {
    if (windowBits !== undefined || memLevel !== undefined) {
      throw new TypeError(
        `Cannot ${action}: compression.${windowBits === undefined ? "memLevel" : "windowBits"} needs a compressor per stream, expected perStream: true with it`,
      );
    }
    return { level, perStream: undefined };
  }
  return {
    level,
    perStream: {
      windowBits: whole(action, "windowBits", windowBits === undefined ? 13 : windowBits, 9, 15),
      memLevel: whole(action, "memLevel", memLevel === undefined ? 6 : memLevel, 1, 9),
    },
  };
}

function whole(action: string, name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number;
  throw new RangeError(
    `Cannot ${action}: compression.${name} is ${String(value)}, expected a whole number from ${least} to ${most}`,
  );
}
