/**
 * What a program can recover from when an event stream fails: one class, a `code` to switch on, the facts as fields.
 * This module is browser compatible.
 */

/**
 * - `"network"`: no connection, or it broke.
 * - `"timeout"`, `"interrupted"`, `"unsupported"`: as the transport said (transports/transport-error.ts).
 * - `"status"`: the server refused; see `status` and `body`.
 * - `"content-type"`: what came is not an event stream.
 * - `"ended"`: the server ended the response.
 * - `"idle"`: nothing came for too long, not even a comment.
 * - `"request"`: the function that gives the headers, the URL or the body failed; see `cause`.
 * - `"exhausted"`: the retry policy's attempts or budget are used up; `cause` is the last failure.
 * - `"too-large"`: a message, or the queue of messages that nobody took, passed its limit.
 * - `"invalid"`: a message's data is not what was expected; see `cause`.
 * - `"handler"`: a handler failed whose message was to be acknowledged, or a store's `reduce`; see `cause`.
 */
export type EventStreamErrorCode =
  | "network"
  | "timeout"
  | "interrupted"
  | "unsupported"
  | "status"
  | "content-type"
  | "ended"
  | "idle"
  | "request"
  | "exhausted"
  | "too-large"
  | "invalid"
  | "handler";

/** The facts of a failure; each is absent where there is none. */
export interface EventStreamErrorFacts {
  readonly url?: string | undefined;
  readonly status?: number | undefined;
  readonly retryAfter?: string | null;
  readonly cause?: unknown;
}

// Fields are declared, and assigned from the facts: class fields lower to helpers that every mini program would carry.
export class EventStreamError extends Error {
  declare readonly code: EventStreamErrorCode;
  /** The request's URL, or where the redirects ended. */
  declare readonly url: string | undefined;
  /** The HTTP status. */
  declare readonly status: number | undefined;
  /** `Retry-After` as it came. */
  declare readonly retryAfter: string | null | undefined;
  /** The start of the body of a refusal. */
  declare readonly body: string | undefined;
  /** Whether another attempt follows. */
  declare readonly willRetry: boolean | undefined;
  declare readonly cause: unknown;

  constructor(code: EventStreamErrorCode, message: string, facts?: EventStreamErrorFacts) {
    super(message);
    Object.assign(this, { name: "EventStreamError", code }, facts);
  }
}

/** Of a stream that was asked for: `what` became of it. */
export function streamError(
  code: EventStreamErrorCode,
  url: string | undefined,
  what: string,
  cause?: unknown,
): EventStreamError {
  return new EventStreamError(code, url ? `Event stream ${url} ${what}` : what, { url, cause });
}

/** Anything thrown, as this class. What says that it is a timeout or the like is believed. */
export function asEventStreamError(
  cause: unknown,
  code: EventStreamErrorCode,
  url: string | undefined,
  what = "failed",
): EventStreamError {
  if (cause instanceof EventStreamError) return cause;
  const { code: told, message = cause } = Object(cause) as { code?: string; message?: unknown };
  const known = /^(timeout|interrupted|unsupported)$/.test(told!)
    ? (told as EventStreamErrorCode)
    : /^(line|message)-too-long/.test(told!)
      ? "too-large"
      : code;
  return streamError(known, url, `${what}: ${String(message)}`, cause);
}
