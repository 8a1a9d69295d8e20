/**
 * What an application says about compression.
 * This module is browser compatible.
 */
import { zlib } from "./zlib.ts";

export interface CompressionOptions {
  /** From 1 (fast) to 9 (small). Default: 6. */
  level?: number;
  /**
   * Whether each stream gets a compressor of its own, with its own window: it then need not stand beside others to be
   * compressed well, and costs memory ({@link windowBits}, {@link memLevel}) and the work, for each stream. By default, what
   * is sent to many is compressed once and the same bytes go to all.
   */
  perStream?: boolean;
  /** Of a compressor per stream: how far it looks back, 2^windowBits bytes, 9 to 15. Takes 2^(windowBits+2) bytes. Default: 13. */
  windowBits?: number;
  /** Of a compressor per stream: room for its state, 1 to 9. Takes 2^(memLevel+9) bytes. Default: 6. */
  memLevel?: number;
}

/** The options, with what was left out. */
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
        `Cannot ${action}: compression.${windowBits === undefined ? "memLevel" : "windowBits"} is for a compressor per stream, expected perStream: true beside it`,
      );
    }
    return { level, perStream: undefined };
  }
  return {
    level,
    perStream: {
      windowBits: whole(action, "windowBits", windowBits ?? 13, 9, 15),
      memLevel: whole(action, "memLevel", memLevel ?? 6, 1, 9),
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
