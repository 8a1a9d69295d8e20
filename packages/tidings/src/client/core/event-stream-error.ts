/**
 * Why an event stream failed: one class, a `code` to switch on, the facts as fields.
 * This module is browser compatible.
 */

/**
 * - `"network"`: no connection, or it broke.
 * - `"timeout"`: the server accepted the request and did not answer in time, or the transport said so.
 * - `"interrupted"`, `"unsupported"`: as the transport said (transports/transport-error.ts).
 * - `"status"`: the server refused; see `status` and `body`.
 * - `"content-type"`: what came is not an event stream.
 * - `"ended"`: the server ended the response.
 * - `"idle"`: nothing came for too long, not even a comment.
 * - `"request"`: the request could not be made; see `cause`.
 * - `"exhausted"`: the retry policy's attempts or budget are used up; `cause` is the last failure.
 * - `"too-large"`: a message, or the queue of messages that nobody took, exceeded its limit.
 * - `"invalid"`: a message's data is not what was expected; see `cause`.
 * - `"handler"`: a handler failed whose message had to be handled, or a store's `reduce`; see `cause`.
 * - `"failed"`: the server said that its answer failed, as `until` has it; `cause` is what `until` returned as `failed`.
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
  | "handler"
  | "failed";

/** The facts of a failure; each is absent where there is none. */
export interface EventStreamErrorFacts {
  readonly url?: string | undefined;
  readonly status?: number | undefined;
  readonly retryAfter?: string | null;
  readonly cause?: unknown;
  readonly willRetry?: boolean;
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

export function isEventStreamError(thrown: unknown): thrown is EventStreamError {
  return ofForeign(() => thrown instanceof EventStreamError, false);
}

/** Anything thrown, as this class. Something that says it is a timeout or the like is believed. */
export function asEventStreamError(
  thrown: unknown,
  code: EventStreamErrorCode,
  url: string | undefined,
  what = "failed",
): EventStreamError {
  if (isEventStreamError(thrown)) return thrown;
  const said = ofForeign(() => String((Object(thrown) as { code?: unknown }).code), "");
  const known = /^(timeout|interrupted|unsupported)$/.test(said)
    ? (said as EventStreamErrorCode)
    : /^(line|message)-too-long/.test(said)
      ? "too-large"
      : code;
  return streamError(known, url, `${what}: ${explain(thrown)}`, thrown);
}

/** What was thrown, in words, with its cause: platforms hide there why a connection failed. */
export function explain(thrown: unknown, causes = 4): string {
  return ofForeign(() => {
    const { message, code, cause } = Object(thrown) as { message?: unknown; code?: unknown; cause?: unknown };
    const said = String(message || code || thrown);
    // A cause may lead back to what it is the cause of.
    const why = cause === undefined || cause === thrown || causes === 0 ? "" : explain(cause, causes - 1);
    return why && said.indexOf(why) < 0 ? `${said}: ${why}` : said;
  }, UNSHOWN);
}

/** What was thrown, as it puts itself. */
export function wordsOf(thrown: unknown): string {
  return ofForeign(() => String(thrown), UNSHOWN);
}

const UNSHOWN = "an error that cannot be shown";

/** Code that is not ours throws whatever it likes; that it cannot be read must not be another error. */
function ofForeign<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
