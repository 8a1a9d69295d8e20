/**
 * This module is browser compatible.
 */

/** Bytes that wait in a response or a socket, as it says. What it says may be nonsense, and asking may throw. */
export function bufferedLength(of: { readonly writableLength?: number }): number {
  try {
    const length: unknown = of.writableLength;
    return typeof length === "number" && length > 0 && length < Infinity ? length : 0;
  } catch {
    return 0;
  }
}
