/**
 * A connection: the client's end of an event stream over all its reconnects, as an application holds it.
 * One order for all: messages are parsed, queued, and taken by handlers or by a reader, one after the other; what happens to
 * the stream happens after the messages before it. Shared with mini programs: it names no platform object.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Parser } from "../wire/parser.ts";
import type { ParserHandlers } from "../wire/text-parser.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { followPlatform, type PlatformFollower } from "./follow-platform.ts";
import { isFatal, judgeResponse, retryAfterMsOf } from "./refusal.ts";
import { type Asked, type HeadersInput, isThenable, mayReplay, requestMaker } from "./request.ts";
import { type Clock, keepOpen, type Return, systemClock } from "./keep-open.ts";
import { limitIdle } from "./limit-idle.ts";
import { type ConnectionState, DEFAULT_RETRY, type RetryPolicy } from "./reconnect.ts";
import type { Transport, TransportResponse } from "./transports/transport.ts";

/** The platform's AbortSignal, or anything like it. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface RetryOptions extends Partial<RetryPolicy> {
  /**
   * Whether a request that may change something (any method but GET, HEAD and OPTIONS) is sent again when its stream broke.
   * Default false: an answer that costs money is asked for once.
   */
  replay?: boolean;
}

export interface ConnectionOptions {
  /** Default `"GET"`. */
  method?: string;
  /** Asked again at each attempt, so that a fresh token is used. */
  headers?: Asked<HeadersInput>;
  /** Objects and arrays are sent as JSON. */
  body?: Asked<unknown>;
  /** Ends the connection for good, in whatever state. */
  signal?: SignalLike;
  /** Where to start: sent as `Last-Event-ID` with the first attempt too. */
  lastEventId?: string;
  /** When to return, or `false` for never. */
  retry?: RetryOptions | false;
  /** Milliseconds without a byte, comments counted, after which the stream is dead and another attempt is made. Default: no limit; 45 000 in mini programs. */
  idleMs?: number;
  /** How a stream that is finite ends well: with this event type, or with a message for which this is true. */
  until?: string | ((message: ParsedMessage) => boolean);
  /** Messages that may wait for handlers or a reader when the transport cannot hold the server back. Default 1024; more end the connection. */
  maxQueuedMessages?: number;
  /** Each message, of any event type. A promise holds back the next one. */
  onMessage?(message: ParsedMessage): unknown;
  /**
   * What to do while the program is not on the screen: `"keep"` the stream, or `"pause"` until it is back, and resume there from
   * the last event ID. Default `"keep"` in browsers, `"pause"` in mini programs, whose hosts cut the stream anyway.
   */
  whenHidden?: "keep" | "pause";
  /** A response came and is read. */
  onOpen?(response: TransportResponse): void;
  /** An attempt failed; `error.willRetry` says whether another follows. */
  onError?(error: EventStreamError): void;
  onState?(state: ConnectionState): void;
}

/** How a connection ended. */
export type Verdict =
  /** As it should: with what `until` names; without `until`, the response of a request that is not repeated ended between two messages, or the server said 204. */
  | { readonly reason: "complete"; readonly cause?: undefined }
  /** Messages came, and then less than all. */
  | { readonly reason: "truncated"; readonly cause: EventStreamError }
  /** By `close()`, or by leaving the `for await`. */
  | { readonly reason: "closed"; readonly cause?: undefined }
  /** By the signal; `cause` is its reason. */
  | { readonly reason: "aborted"; readonly cause: unknown }
  /** Nothing came, or coming back is senseless or forbidden. */
  | { readonly reason: "gave-up"; readonly cause: EventStreamError };

export interface Connection extends AsyncIterable<ParsedMessage> {
  readonly state: ConnectionState;
  /** What is sent as `Last-Event-ID` on return, `""` for nothing. */
  readonly lastEventId: string;
  /** Fulfils with how it ended, when it has; never rejects. */
  readonly ended: Promise<Verdict>;
  /**
   * Calls `handler` for each message of this event type (`"message"` for those without one). A promise holds back the next message.
   * Messages that come before there is any handler or reader wait for one.
   * @returns How to remove it.
   */
  on(event: string, handler: (message: ParsedMessage) => unknown): () => void;
  /** Final: after it there is no request, no timer and no callback. */
  close(): void;
  /**
   * Messages as they come, for one reader; the next chunk is read from the network when the last one's messages were taken.
   * Leaving the loop closes the connection. It throws what cut the stream short: an `EventStreamError`, or the signal's reason.
   */
  [Symbol.asyncIterator](): AsyncIterator<ParsedMessage, undefined>;
}

/** What differs from platform to platform. */
export interface Platform {
  transport: Transport;
  createParser(handlers: ParserHandlers): Parser;
  /** Default: the platform's timers and `Date`. */
  clock?: Clock;
  /** What the options are when they are not given. Default `"keep"` and no limit. */
  whenHidden?: "keep" | "pause";
  idleMs?: number;
}

/** @throws {TypeError} If an option makes no sense. */
export function createConnection(
  url: Asked<string>,
  options: ConnectionOptions,
  platform: Platform,
): Connection {
  const { transport, clock = systemClock } = platform;
  const { retry, until, signal, maxQueuedMessages = 1024, idleMs = platform.idleMs || 0 } = options;
  const method = (options.method || "GET").toUpperCase();
  const mayReturn = retry !== false && mayReplay(method, retry && retry.replay);

  const handlers: { event: string | undefined; handle: (message: ParsedMessage) => unknown }[] = [];
  const queue: ParsedMessage[] = [];
  let busy = false;
  let iterating = false;
  let next:
    | { resolve(result: IteratorResult<ParsedMessage, undefined>): void; reject(error: unknown): void }
    | undefined;
  let behind: Promise<void> | undefined;
  let caughtUp: (() => void) | undefined;
  let verdict: Verdict | undefined;
  let wasOpen = false;
  let lastError: EventStreamError | undefined;
  let resolveEnded: (verdict: Verdict) => void;
  const ended = new Promise<Verdict>((resolve) => {
    resolveEnded = resolve;
  });

  if (options.onMessage)
    handlers.push({ event: undefined, handle: (message) => options.onMessage!(message) });

  const keeper = keepOpen({
    transport: idleMs > 0 && idleMs < Infinity ? limitIdle(transport, idleMs, clock) : transport,
    clock,
    createParser: (to) => platform.createParser(to),
    policy: Object.assign({}, DEFAULT_RETRY, retry),
    lastEventId: options.lastEventId,
    request: requestMaker({ url, method, headers: options.headers, body: options.body }),
    judge: judgeResponse,
    onOpen(response) {
      wasOpen = true;
      if (options.onOpen) options.onOpen(response);
    },
    onMessage(message) {
      if (behind && queue.length >= maxQueuedMessages) {
        throw new EventStreamError(
          "too-large",
          `Cannot queue message: ${queue.length} wait already, as many as maxQueuedMessages allows`,
        );
      }
      queue.push(message);
      pump();
    },
    onChunk() {
      if (queue.length === 0 && !busy) return;
      return (behind ??= new Promise<void>((resolve) => {
        caughtUp = resolve;
      }));
    },
    onLost: lost,
    onGiveUp(limit) {
      const policyName = limit === "attempts" ? "attempts" : "time";
      const cause = lastError!;
      finish({
        reason: "gave-up",
        cause: new EventStreamError(
          "exhausted",
          `Gave up: no ${policyName} left to retry after: ${cause.message}`,
          {
            cause,
          },
        ),
      });
    },
    onState({ phase }) {
      if (options.onState) options.onState(phase);
      if (phase === "waiting" && follower) follower.onWaiting();
    },
  });

  let follower: PlatformFollower | undefined;
  let unwatch: (() => void) | undefined;

  const abort = () => finish({ reason: "aborted", cause: signal!.reason });
  const connection = {
    get state() {
      return keeper.state.phase;
    },
    get lastEventId() {
      return keeper.lastEventId;
    },
    ended,
    on(event: string, handle: (message: ParsedMessage) => unknown) {
      const handler = { event, handle };
      handlers.push(handler);
      // Later, so that handlers which are added together see the waiting messages together.
      void Promise.resolve().then(pump);
      return () => {
        const at = handlers.indexOf(handler);
        if (at !== -1) handlers.splice(at, 1);
      };
    },
    close: () => finish({ reason: "closed" }),
    [Symbol.asyncIterator]: iterate,
  };
  if (signal && signal.aborted) abort();
  else {
    if (signal) signal.addEventListener("abort", abort);
    if (transport.watch) {
      // What is not asked for twice is left alone while it can live: what it has is all it will get.
      const followed = mayReturn ? keeper : Object.assign({}, keeper, { pause: nothing, resume: nothing });
      follower = followPlatform(followed, options.whenHidden || platform.whenHidden || "keep");
      unwatch = transport.watch(follower);
    }
    keeper.start();
  }
  return connection;

  function lost(error: EventStreamError, truncated: boolean): Return | undefined {
    const { code, status } = error;
    const willRetry = mayReturn && !isFatal(error);
    lastError = Object.assign(error, { willRetry });
    if (status === 204 || (!mayReturn && code === "ended" && !truncated)) {
      finish(until ? { reason: "truncated", cause: error } : { reason: "complete" });
      return;
    }
    if (options.onError) options.onError(error);
    if (verdict) return;
    if (willRetry) return { retryAfterMs: retryAfterMsOf(error) };
    const partly = !mayReturn && wasOpen && code !== "too-large";
    finish({ reason: partly ? "truncated" : "gave-up", cause: error });
  }

  /** Gives what waits to whoever takes it, one at a time. */
  function pump(): void {
    while (queue.length > 0 && !busy && !verdict && (next || (handlers.length > 0 && !iterating))) {
      const message = queue.shift()!;
      const results = handlers
        .filter(({ event }) => event === undefined || event === message.event)
        .map(({ handle }) => call(handle, message))
        .filter(isThenable);
      if (verdict) return;
      const taken = next;
      next = undefined;
      if (taken) taken.resolve({ done: false, value: message });
      const last = typeof until === "string" ? message.event === until : until && until(message);
      const after = () => {
        busy = false;
        if (last) finish({ reason: "complete" });
        else pump();
      };
      if (results.length > 0) {
        busy = true;
        void Promise.all(results).then(after);
      } else if (last) after();
    }
    if (queue.length === 0 && !busy && caughtUp) {
      behind = undefined;
      caughtUp();
      caughtUp = undefined;
    }
  }

  function call(handle: (message: ParsedMessage) => unknown, message: ParsedMessage): unknown {
    // A handler that was removed, or a connection that was closed, by the handler before it.
    if (verdict) return;
    try {
      const result = handle(message);
      return isThenable(result) ? result.then(undefined, report) : result;
    } catch (error) {
      report(error);
    }
  }

  function finish(how: Verdict): void {
    if (verdict) return;
    verdict = how;
    queue.length = 0;
    if (signal) signal.removeEventListener("abort", abort);
    if (unwatch) unwatch();
    keeper.close();
    if (next) settle(next);
    if (caughtUp) caughtUp();
    resolveEnded(how);
  }

  function iterate(): AsyncIterator<ParsedMessage, undefined> {
    if (iterating) throw new TypeError("Cannot iterate: the connection has a reader already, expected one");
    iterating = true;
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (next)
            return reject(new TypeError("Cannot read: the last read is under way, expected one at a time"));
          if (verdict) return settle({ resolve, reject });
          next = { resolve, reject };
          pump();
        }),
      return() {
        finish({ reason: "closed" });
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  function settle(reader: NonNullable<typeof next>): void {
    next = undefined;
    const { reason, cause } = verdict!;
    if (reason === "complete" || reason === "closed") reader.resolve({ done: true, value: undefined });
    else reader.reject(cause);
  }

  /** A mistake in a handler is the application's to see, and no reason to stop reading. */
  function report(thrown: unknown): void {
    void Promise.resolve().then(() => {
      throw thrown;
    });
  }
}

function nothing(): void {}
