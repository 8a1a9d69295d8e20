/**
 * A connection: the client's end of an event stream over all its reconnects, as an application holds it.
 * One order for all: messages are parsed, queued, and taken one after the other; what happens to the stream happens after the
 * messages before it. Shared with mini programs: it names no platform object.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Parser } from "../wire/parser.ts";
import type { ParserEnd, ParserHandlers, ParserLimits } from "../wire/text-parser.ts";
import type { ConnectionOptions, Verdict } from "./connection-options.ts";
import { isBehind } from "./cursor.ts";
import { deliver } from "./deliver.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { followPlatform, type PlatformFollower } from "./follow-platform.ts";
import { gapOf } from "./gap.ts";
import { type Clock, keepOpen, type Return, systemClock } from "./keep-open.ts";
import { limitIdle } from "./limit-idle.ts";
import { type ConnectionState, DEFAULT_RETRY, type ReconnectEffect } from "./reconnect.ts";
import { isFatal, judgeResponse, retryAfterMsOf } from "./refusal.ts";
import { type Asked, isThenable, mayReplay, requestMaker } from "./request.ts";
import { shareFlight } from "./share-flight.ts";
import type { Transport } from "./transports/transport.ts";

export type { ConnectionOptions, RetryOptions, SignalLike, Verdict } from "./connection-options.ts";

export interface Connection<Message = ParsedMessage> extends AsyncIterable<Message> {
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
  on<Event extends EventOf<Message>>(
    event: Event,
    handler: (message: MessageNamed<Message, Event>) => unknown,
  ): () => void;
  /** Final: after it there is no request, no timer and no callback. */
  close(): void;
  /**
   * Messages as they come, for one reader; the next chunk is read from the network when the last one's messages were taken.
   * Leaving the loop closes the connection. It throws what cut the stream short: an `EventStreamError`, or the signal's reason.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined>;
}

type EventOf<Message> = Message extends { readonly event: infer Event extends string } ? Event : string;
type MessageNamed<Message, Event> = Message extends { readonly event: infer Own }
  ? Event extends Own
    ? Message
    : never
  : never;

/** What differs from platform to platform. */
export interface Platform<Message = ParsedMessage> {
  transport: Transport;
  createParser(handlers: ParserHandlers, limits: ParserLimits): Parser;
  /** Default: the platform's timers and `Date`. */
  clock?: Clock;
  /** What the application gets of a message, or nothing; an error ends the connection. Default: the message. */
  decode?(message: ParsedMessage): Message | undefined | PromiseLike<Message | undefined>;
  /** What the options are when they are not given. Default `"keep"` and no limit. */
  whenHidden?: "keep" | "pause";
  idleMs?: number | "auto";
}

/** @throws {TypeError} If an option makes no sense. */
export function createConnection<Message extends { readonly event: string } = ParsedMessage>(
  url: Asked<string>,
  options: ConnectionOptions<Message>,
  platform: Platform<Message>,
): Connection<Message> {
  const { transport, clock = systemClock } = platform;
  const { retry, until, signal, refresh, cursor, ack, idleMs = platform.idleMs, trace } = options;
  const method = (options.method || "GET").toUpperCase();
  // Who keeps a cursor has said that the stream can be continued.
  const mayReturn = retry !== false && mayReplay(method, !!(retry && retry.replay) || !!cursor);

  let verdict: Verdict | undefined;
  let wasOpen = false;
  let lastError: EventStreamError | undefined;
  let refreshing: PromiseLike<unknown> | undefined;
  let stored = "";
  let follower: PlatformFollower | undefined;
  let unwatch: (() => void) | undefined;
  let resolveEnded: (verdict: Verdict) => void;
  const ended = new Promise<Verdict>((resolve) => {
    resolveEnded = resolve;
  });

  const delivery = deliver<Message>({
    maxQueuedMessages: options.maxQueuedMessages || 1024,
    decode: (message) => (platform.decode ? platform.decode(message) : (message as unknown as Message)),
    onTaken(message) {
      const gap = options.onGap && gapOf(message);
      if (gap) options.onGap!(gap);
      return typeof until === "string" ? message.event === until : !!until && until(message);
    },
    onHandled: ({ id }) => ack !== "received" && store(id),
    onLast: () => finish({ reason: "complete" }),
    onFailure(thrown, inHandler) {
      if (inHandler && (!cursor || ack === "received")) return report(thrown);
      const cause = thrown instanceof EventStreamError ? thrown : failedHandler(thrown);
      fail(cause);
    },
  });
  if (options.onMessage) delivery.on(undefined, (message) => options.onMessage!(message));

  const makeRequest = requestMaker({
    url,
    method,
    headers: options.headers,
    body: options.body,
    cursorVia: options.cursorVia,
  });
  const keeper = keepOpen({
    transport: idleMs ? limitIdle(transport, idleMs, clock) : transport,
    clock,
    createParser: (handlers) => platform.createParser(handlers, options),
    policy: Object.assign({}, DEFAULT_RETRY, retry),
    request(lastEventId) {
      if (!refreshing) return makeRequest(lastEventId);
      return refreshing.then(() => {
        // It may have been closed meanwhile, and then nobody hears this.
        if (verdict) throw lastError;
        return makeRequest(lastEventId);
      });
    },
    judge: judgeResponse,
    isDuplicate: isBehind,
    onOpen(response) {
      wasOpen = true;
      refreshing = undefined;
      if (options.onOpen) options.onOpen(response);
    },
    onMessage: delivery.push,
    onChunk() {
      const pressure = delivery.pressure();
      // An id without a message moves the cursor too, once the messages before it are handled.
      if (!pressure || ack === "received") store(keeper.lastEventId);
      return pressure;
    },
    onLost: lost,
    onGiveUp(limit) {
      const cause = lastError!;
      const what = limit === "attempts" ? `after ${keeper.state.failures} attempts` : "for want of time";
      fail(new EventStreamError("exhausted", `Gave up ${what}: ${cause.message}`, { cause }));
    },
    onStep(input, { phase, attempt }, effects) {
      if (!trace) return;
      trace({
        atMs: clock.nowMs(),
        attempt,
        state: phase,
        what: input.type,
        waitMs: effects.map(waitMsOf).filter((ms) => ms !== undefined)[0],
        error: input.type === "lost" ? lastError : undefined,
      });
    },
    onState({ phase }) {
      if (options.onState) options.onState(phase);
      if (phase === "waiting" && follower) follower.onWaiting();
    },
  });

  const abort = () => finish({ reason: "aborted", cause: signal!.reason });
  const connection: Connection<Message> = {
    get state() {
      return keeper.state.phase;
    },
    get lastEventId() {
      return keeper.lastEventId;
    },
    ended,
    on: (event, handler) => delivery.on(event, handler as (message: Message) => unknown),
    close,
    [Symbol.asyncIterator]: () => delivery.iterate(close),
  };
  begin();
  return connection;

  function begin(): void {
    if (signal && signal.aborted) return abort();
    if (signal) signal.addEventListener("abort", abort);
    const from = options.lastEventId || (cursor && cursor.get());
    const start = (id?: string | null) => {
      stored = keeper.lastEventId = id || "";
      if (verdict) return;
      keeper.start();
      watch();
    };
    if (isThenable(from)) from.then(start, () => start());
    else start(from);
  }

  function watch(): void {
    if (!transport.watch || verdict) return;
    // What is not asked for twice is left alone while it can live: what it has is all it will get.
    const followed = mayReturn ? keeper : Object.assign({}, keeper, { pause: nothing, resume: nothing });
    follower = followPlatform(followed, options.whenHidden || platform.whenHidden || "keep", clock);
    unwatch = transport.watch(follower);
  }

  function lost(loss: EventStreamError, { truncated, unfinished }: ParserEnd): Return | undefined {
    const { code, status } = loss;
    if (status === 401 && refresh && !refreshing) {
      refreshing = shareFlight(refresh).then(undefined, (reason: unknown) => {
        throw new EventStreamError("status", `${loss.message}; and refresh failed: ${String(reason)}`, {
          status,
          cause: reason,
        });
      });
      lastError = Object.assign(loss, { willRetry: true });
      return { atOnce: true };
    }
    const willRetry = mayReturn && !isFatal(loss, (retry && retry.statuses) || {});
    lastError = Object.assign(loss, { willRetry });
    if (!willRetry && (status === 204 || (code === "ended" && !truncated)) && !until) {
      finish({ reason: "complete" });
      return;
    }
    if (!willRetry) fail(loss, unfinished);
    else {
      if (options.onError) options.onError(loss);
      if (!verdict) return { retryAfterMs: retryAfterMsOf(loss, clock.nowMs()) };
    }
  }

  /** Ends it with an error: what came of a stream that is not asked for twice is then a part, and said to be one. */
  function fail(cause: EventStreamError, unfinished?: ParsedMessage): void {
    if (options.onError && !verdict) options.onError(Object.assign(cause, { willRetry: false }));
    if (wasOpen && (until || !mayReturn)) finish({ reason: "truncated", cause, unfinished });
    else finish({ reason: "gave-up", cause });
  }

  function finish(how: Verdict): void {
    if (verdict) return;
    verdict = how;
    if (signal) signal.removeEventListener("abort", abort);
    if (unwatch) unwatch();
    if (follower) follower.stop();
    const { reason, cause } = how;
    keeper.close();
    delivery.stop(reason !== "complete" && reason !== "closed", cause);
    resolveEnded(how);
  }

  function close(): void {
    finish({ reason: "closed" });
  }

  function store(id: string): void {
    if (!cursor || id === stored) return;
    stored = id;
    try {
      const result = cursor.set(id);
      if (isThenable(result)) result.then(undefined, report);
    } catch (thrown) {
      report(thrown);
    }
  }
}

function waitMsOf(effect: ReconnectEffect): number | undefined {
  return effect.type === "wait" ? effect.ms : undefined;
}

function failedHandler(cause: unknown): EventStreamError {
  return new EventStreamError("handler", `Cannot acknowledge message: its handler failed: ${String(cause)}`, {
    cause,
  });
}

/** A mistake in a handler is the application's to see, and no reason to stop reading. */
function report(thrown: unknown): void {
  void Promise.resolve().then(() => {
    throw thrown;
  });
}

function nothing(): void {}
