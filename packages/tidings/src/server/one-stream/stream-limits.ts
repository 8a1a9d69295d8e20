/**
 * The limits of an open stream: silence, buffered bytes, and time without progress.
 * This module is browser compatible.
 */
import { positive } from "../../guard/positive.ts";
import { MAX_MESSAGE_BYTES } from "../../wire/handlers.ts";

export interface StreamLimits {
  /**
   * Milliseconds without a write after which a comment is written, so that no proxy closes the stream as idle, and a lost
   * peer is noticed. False for none. Default: 15,000; on Bun 8,000, since its server closes a connection after 10 s of silence.
   */
  heartbeatMs?: number | false | undefined;
  /**
   * Bytes that may wait for a peer that reads more slowly than you send, not counting the largest message among them. Default:
   * 1,048,576. A message that would exceed it cuts the stream (`"slow"`), and the client may reconnect. At most 1 MiB and one
   * message for each stream that reads slowly, and 20 MiB where messages are as small as can be.
   */
  maxBufferedBytes?: number | undefined;
  /**
   * Bytes that may wait in this process for the peers of all its streams that `openStream`, answers and the Fastify plugin opened.
   * 256 are counted for each message beside its own. Where a message of this stream would exceed it, the stream whose peer has not
   * caught up for longest is cut (`"slow"`). Give all streams the same. Cloudflare Workers count each stream for itself. Default:
   * 134,217,728 (128 MiB). At most 131 MiB and one message.
   */
  maxTotalBufferedBytes?: number | undefined;
  /**
   * Bytes of one encoded message, or comment. Default: 16,777,216 (16 MiB), as much as clients take: a longer one ends their
   * connection for good. Beyond it, `send` throws a RangeError, and the stream goes on. At most 16 MiB for each stream that reads
   * slowly.
   */
  maxMessageBytes?: number | undefined;
  /**
   * Milliseconds that a peer may read nothing while data waits for it. Default: 120,000. After that the stream is cut
   * (`"stalled"`), at most one heartbeat later. False to wait as long as the operating system does.
   */
  stallMs?: number | false | undefined;
}

/** All limits, with `Infinity` for those that were switched off. */
export interface ResolvedLimits {
  readonly heartbeatMs: number;
  readonly maxBufferedBytes: number;
  readonly maxTotalBufferedBytes: number;
  readonly maxMessageBytes: number;
  readonly stallMs: number;
}

/** @throws {RangeError} If a limit is not a number above 0. */
export function resolveLimits(limits: StreamLimits = {}): ResolvedLimits {
  const {
    maxBufferedBytes = DEFAULT_MAX_BUFFERED_BYTES,
    maxTotalBufferedBytes = DEFAULT_MAX_TOTAL_BUFFERED_BYTES,
    maxMessageBytes = MAX_MESSAGE_BYTES,
  } = limits;
  return {
    heartbeatMs: orNever("heartbeatMs", limits.heartbeatMs, DEFAULT_HEARTBEAT_MS),
    maxBufferedBytes: positive(ACTION, "maxBufferedBytes", maxBufferedBytes),
    maxTotalBufferedBytes: positive(ACTION, "maxTotalBufferedBytes", maxTotalBufferedBytes),
    maxMessageBytes: positive(ACTION, "maxMessageBytes", maxMessageBytes),
    stallMs: orNever("stallMs", limits.stallMs, DEFAULT_STALL_MS),
  };
}

function orNever(name: string, value: unknown, standard: number): number {
  if (value === false) return Infinity;
  return positive(ACTION, name, value === undefined ? standard : value, "false");
}

const ACTION = "open event stream";

const DEFAULT_HEARTBEAT_MS = "Bun" in globalThis ? 8_000 : 15_000;
const DEFAULT_MAX_BUFFERED_BYTES = 2 ** 20;
const DEFAULT_MAX_TOTAL_BUFFERED_BYTES = 128 * 2 ** 20;
const DEFAULT_STALL_MS = 120_000;
