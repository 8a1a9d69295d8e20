/**
 * The limits of an open stream: silence, buffered bytes, and time without progress.
 * This module is browser compatible.
 */
import { positive } from "../../guard/positive.ts";

export interface StreamLimits {
  /**
   * Milliseconds without a write after which a comment is written, so that no proxy closes the stream as idle, and a lost
   * peer is noticed. False for none. Default: 15,000; on Bun 8,000, since its server closes a connection after 10 s of silence.
   */
  heartbeatMs?: number | false;
  /**
   * Bytes that may wait for a peer that reads more slowly than you send, not counting the largest message among them. Default:
   * 1,048,576. A message that would exceed it cuts the stream (`"slow"`), and the client may reconnect.
   */
  maxBufferedBytes?: number;
  /**
   * Milliseconds that a peer may read nothing while data waits for it. Default: 120,000. After that the stream is cut
   * (`"stalled"`), at most one heartbeat later. False to wait as long as the operating system does.
   */
  stallMs?: number | false;
}

/** All limits, with `Infinity` for those that were switched off. */
export interface ResolvedLimits {
  readonly heartbeatMs: number;
  readonly maxBufferedBytes: number;
  readonly stallMs: number;
}

/** @throws {RangeError} If a limit is not a number above 0. */
export function resolveLimits(limits: StreamLimits = {}): ResolvedLimits {
  return {
    heartbeatMs: orNever("heartbeatMs", limits.heartbeatMs ?? DEFAULT_HEARTBEAT_MS),
    maxBufferedBytes: positive(
      ACTION,
      "maxBufferedBytes",
      limits.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES,
    ),
    stallMs: orNever("stallMs", limits.stallMs ?? DEFAULT_STALL_MS),
  };
}

function orNever(name: string, value: number | false): number {
  return value === false ? Infinity : positive(ACTION, name, value, "false");
}

const ACTION = "open event stream";

const DEFAULT_HEARTBEAT_MS = "Bun" in globalThis ? 8_000 : 15_000;
const DEFAULT_MAX_BUFFERED_BYTES = 2 ** 20;
const DEFAULT_STALL_MS = 120_000;
