/**
 * Why a request came to nothing, where the platform says so in words only its transport understands.
 * This module is browser compatible.
 */

/**
 * - `"network"`: no connection, or it broke.
 * - `"timeout"`: the platform gave up waiting, as WeChat does after 60 s of a healthy stream.
 * - `"interrupted"`: the platform killed the request because the program is in the background.
 * - `"unsupported"`: the platform cannot stream this way; trying again cannot help.
 */
export type TransportErrorCode = "network" | "timeout" | "interrupted" | "unsupported";

export class TransportError extends Error {
  // Declared, not initialised: class fields lower to helpers that every mini program would carry.
  declare readonly code: TransportErrorCode;
  /** What the platform said, as it said it. */
  declare readonly cause: unknown;

  constructor(code: TransportErrorCode, message: string, cause?: unknown) {
    super(message);
    this.name = "TransportError";
    this.code = code;
    this.cause = cause;
  }
}
