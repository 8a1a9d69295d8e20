/**
 * Makes a connection: attempts (attempts.ts) whose messages are handed on in order (order.ts), up to its verdict. What else it can do
 * are its features (feature.ts). Shared with mini programs: it names no platform object.
 * This module is browser compatible.
 */
import { ask, reportUncaught, tell } from "../../guard/foreign.ts";
import { atLeast } from "../../guard/least.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import type { Transport } from "../transports/transport.ts";
import { onAbort } from "../../guard/abort.ts";
import { createAttempts } from "./attempts.ts";
import { systemClock } from "./clock.ts";
import type { BaseOptions, Connection, CreateParser, Verdict } from "./connection.ts";
import { EventStreamError, isEventStreamError, wordsOf } from "./event-stream-error.ts";
import { callHooks, type Core, type Feature, type Hooks } from "./feature.ts";
import { createOrder } from "./order.ts";
import { DEFAULT_RETRY, lossOf, type ReconnectInput, type RetryPolicy } from "./reconnect.ts";
import { isSafe, methodOf, type RequestParts } from "./request.ts";
import { isFatal } from "./response.ts";

/**
 * @param createParser - The platform's.
 * @throws {TypeError | RangeError} If an option makes no sense.
 */
export function openConnection<Message extends { readonly event: string } = ParsedMessage>(
  url: RequestParts["url"],
  transport: Transport,
  options: BaseOptions<Message>,
  features: readonly Feature<unknown>[],
  createParser: CreateParser,
): Connection<Message> {
  const { clock = systemClock, onMessage, retry, signal } = options;
  const parts: RequestParts = { url, method: options.method, headers: options.headers, body: options.body };
  // Of the request that it begins with. A feature may continue with another.
  const method = methodOf(parts);
  atLeast("connect", "maxQueuedMessages", options.maxQueuedMessages, 0);
  atLeast("connect", "maxQueuedBytes", options.maxQueuedBytes, 0);
  const policy: RetryPolicy = Object.assign({}, DEFAULT_RETRY);
  const hooks: Hooks[] = [];

  let wasOpen = false;
  let stopAbort = nothing;
  let verdict: Verdict | undefined;
  let resolveEnded: (verdict: Verdict) => void;
  const ended = new Promise<Verdict>((resolve) => {
    resolveEnded = resolve;
  });

  const order = createOrder<Message>(hooks, options, end, fail);
  const { pressure } = order;
  const attempts = createAttempts(
    {
      clock,
      transport,
      parts,
      policy,
      createParser,
      limits: options,
      onMessage: receive,
      onLost,
      pressure,
    },
    hooks,
  );
  const core: Core = Object.assign(attempts, {
    clock,
    transport,
    parts,
    policy,
    canRepeat,
    pressure,
    report,
    fail,
  });
  for (const feature of features) {
    const own: unknown = feature(core);
    if (!own) throw new TypeError("Cannot connect: a feature returned nothing, expected hooks");
    hooks.push(own);
  }
  hooks.push({
    response(response) {
      wasOpen = true;
      tell(reportUncaught, options.onOpen, response);
    },
    state({ state: { phase }, before }) {
      if (phase !== before.phase) tell(reportUncaught, options.onState, phase);
    },
  });

  if (onMessage) order.on(undefined, onMessage);
  if (signal && signal.aborted) abort();
  else {
    if (signal) stopAbort = onAbort(signal, abort);
    ask(
      () =>
        options.lastEventId ||
        hooks.reduce<unknown>((id, { restore }) => id || (restore && restore()), undefined),
      start,
      (thrown) => {
        reportUncaught(thrown);
        start();
      },
    );
  }

  return {
    get state() {
      return attempts.state.phase;
    },
    get lastEventId() {
      return placeOfReader();
    },
    ended,
    on: (event, handler) => order.on(event, handler as (message: Message) => unknown),
    reconnect: () => attempts.take({ type: "reconnect" }),
    close,
    [Symbol.asyncIterator]: () => order.iterate(close),
  };

  function placeOfReader(): string {
    return order.waits() ? order.handedId : attempts.lastEventId;
  }

  function start(id?: unknown): void {
    if (verdict) return;
    order.handedId = attempts.lastEventId = typeof id === "string" ? id : "";
    attempts.take({ type: "start" });
  }

  function receive(message: ParsedMessage): void {
    const cursor = callHooks(hooks, "cursor", message);
    if (cursor) attempts.lastEventId = cursor;
    const { lastEventId: id } = attempts;
    if (message.id !== id) Object.assign(message, { id });
    order.push(message);
  }

  /** Decoding may end after the connection did, which calls nothing any more. */
  function report(error: unknown): void {
    if (!verdict) tell(reportUncaught, options.onError, error as EventStreamError);
  }

  function canRepeat(): boolean {
    return retry !== false && (isSafe(method) || !!callHooks(hooks, "canRepeat"));
  }

  /** The server says when the stream is complete. Without that word it is not. */
  function isFinite(): boolean {
    return hooks.some(({ until }) => until);
  }

  /** Decides what becomes of the connection when an attempt is lost: another attempt, or a verdict. */
  function onLost(error: EventStreamError, last: ParserEnd | undefined): ReconnectInput | undefined {
    const willRetry = canRepeat() && !isFatal(error, wasOpen);
    Object.assign(error, { willRetry });
    if (willRetry) {
      report(error);
      return lossOf(error, clock);
    }
    const endedWell = error.status === 204 || (error.code === "ended" && last && !last.truncated);
    if (endedWell && !isFinite()) finish({ reason: "complete" });
    else fail(error, last && last.unfinished);
    return;
  }

  /** Ends it with an error. What came of a finite stream is then a part, and the verdict says so. */
  function fail(thrown: unknown, unfinished?: ParsedMessage): void {
    const cause = isEventStreamError(thrown)
      ? thrown
      : new EventStreamError(
          "handler",
          `Cannot acknowledge message: its handler failed: ${wordsOf(thrown)}`,
          { cause: thrown },
        );
    end(
      wasOpen && (isFinite() || !canRepeat())
        ? { reason: "truncated", cause, unfinished }
        : { reason: "gave-up", cause },
    );
  }

  function end(how: Exclude<Verdict, { readonly reason: "aborted" }>): void {
    if (how.cause && !verdict) report(Object.assign(how.cause, { willRetry: false }));
    finish(how);
  }

  function finish(how: Verdict): void {
    if (verdict) return;
    verdict = how;
    const { reason, cause } = how;
    stopAbort();
    attempts.take({ type: "close" });
    // What waits is dropped. Another connection can still get it.
    attempts.lastEventId = placeOfReader();
    order.stop(reason !== "complete" && reason !== "closed", cause);
    resolveEnded(how);
  }

  function abort(): void {
    finish({ reason: "aborted", cause: signal!.reason });
  }

  function close(): void {
    finish({ reason: "closed" });
  }
}

function nothing(): void {}
