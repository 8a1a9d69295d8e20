/**
 * Makes a connection: attempts (attempts.ts) whose messages are handed on in order (order.ts), up to its verdict. What else it can do
 * are its features (feature.ts). Shared with mini programs: it names no platform object.
 * This module is browser compatible.
 */
import { ask, isThenable, reportUncaught, tell } from "../../guard/foreign.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import type { Transport, TransportRequest } from "../transports/transport.ts";
import { onAbort } from "./abort.ts";
import { createAttempts } from "./attempts.ts";
import { systemClock } from "./clock.ts";
import type { BaseOptions, Connection, CreateParser, Verdict } from "./connection.ts";
import { EventStreamError, explain } from "./event-stream-error.ts";
import { askHook, type Core, type Feature, type Hooks } from "./feature.ts";
import { announcedEpoch, isBehind } from "./hub-cursor.ts";
import { createOrder, type Last } from "./order.ts";
import { lossOf, type ReconnectInput, retryPolicy } from "./reconnect.ts";
import { isSafe, makeRequest, methodOf, type RequestParts } from "./request.ts";
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
  const { clock = systemClock, onError, onMessage, retry, signal, until } = options;
  const { replay, statuses } = retry || {};
  const parts: RequestParts = { url, method: options.method, headers: options.headers, body: options.body };
  const method = methodOf(parts);

  // Where the stream stands. The parser's own id runs back when a message comes that came before.
  let lastEventId = "";
  let handedId = "";
  let epoch: string | undefined;
  let isDuplicate = false;

  let wasOpen = false;
  let lastError: EventStreamError | undefined;
  let stopAbort = nothing;
  let verdict: Verdict | undefined;
  let resolveEnded: (verdict: Verdict) => void;
  const ended = new Promise<Verdict>((resolve) => {
    resolveEnded = resolve;
  });

  const core: Core = {
    clock,
    transport,
    parts,
    get state() {
      return attempts.state;
    },
    get url() {
      return attempts.url;
    },
    get lastEventId() {
      return lastEventId;
    },
    get hubEpoch() {
      return epoch;
    },
    canRepeat,
    pressure: () => order.pressure(),
    take: (input) => attempts.take(input),
    lose: (error, end) => attempts.lose(error, end),
    report: (error) => tell(reportUncaught, onError, error as EventStreamError),
  };
  const own: Hooks = {
    ...(until && {
      until: (message) => (typeof until === "string" ? message.event === until : until(message)),
    }),
    handing({ id }) {
      handedId = id;
    },
    response(response) {
      wasOpen = true;
      tell(reportUncaught, options.onOpen, response);
    },
    state({ state: { phase, dueMs }, before }) {
      if (phase !== before.phase) tell(reportUncaught, options.onState, phase);
      if (phase === "waiting" && dueMs === Infinity) giveUp();
    },
    lost,
  };
  const hooks: readonly Hooks[] = features.map((feature) => feature(core)).concat(own);
  /** The server says when the stream is complete. Without that word it is not. */
  const isFinite = hooks.some(({ until }) => until);
  const order = createOrder<Message>(hooks, options.maxQueuedMessages ?? 1024, complete, fail);
  const parser = createParser(
    {
      onComment(text) {
        epoch = announcedEpoch(text) || epoch;
      },
      onId(id) {
        isDuplicate = isBehind(id, lastEventId, epoch);
        if (!isDuplicate) lastEventId = id;
      },
      onMessage(message) {
        if (!isDuplicate) receive(message);
        isDuplicate = false;
      },
      onRetry: (ms) => attempts.take({ type: "retry", ms }),
    },
    options,
  );
  const attempts = createAttempts(
    { clock, parser, transport, policy: retryPolicy(retry), request, message, pressure: order.pressure },
    hooks,
  );

  if (onMessage) order.on(undefined, onMessage);
  if (signal && signal.aborted) abort();
  else {
    if (signal) stopAbort = onAbort(signal, abort);
    ask(
      () =>
        options.lastEventId ||
        hooks.reduce<unknown>((id, hook) => id || (hook.restore && hook.restore()), ""),
      start,
      () => start(),
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
    return order.waits() ? handedId : lastEventId;
  }

  function start(id?: unknown): void {
    if (verdict) return;
    handedId = lastEventId = typeof id === "string" ? id : "";
    attempts.take({ type: "start" });
  }

  /** The request of the next attempt, once every feature is prepared. */
  function request(): TransportRequest | PromiseLike<TransportRequest> {
    const make = () => {
      // It may have been closed meanwhile, and then nobody hears this.
      if (verdict) throw lastError;
      parser.lastEventId = lastEventId;
      isDuplicate = false;
      return makeRequest(parts, lastEventId);
    };
    const prepared = hooks.map(({ prepare }) => prepare && prepare()).filter(isThenable);
    return prepared.length > 0 ? Promise.all(prepared).then(make) : make();
  }

  function message(message: ParsedMessage): void {
    lastEventId = message.id;
    receive(message);
  }

  function receive(message: ParsedMessage): void {
    for (const { cursor } of hooks) {
      if (cursor) Object.assign(message, { id: (lastEventId = askHook(cursor, message) || lastEventId) });
    }
    order.push(message);
  }

  function canRepeat(): boolean {
    if (retry === false) return false;
    const may = replay === "unanswered" ? !wasOpen : replay;
    return !!may || isSafe(method) || hooks.some(({ canRepeat }) => askHook(canRepeat));
  }

  /** Decides what becomes of the connection when an attempt is lost: another attempt, or a verdict. */
  function lost(error: EventStreamError, end: ParserEnd | undefined): ReconnectInput | undefined {
    const willRetry = canRepeat() && !isFatal(error, statuses, wasOpen);
    lastError = Object.assign(error, { willRetry });
    if (willRetry) {
      tell(reportUncaught, onError, error);
      return lossOf(error, clock);
    }
    const endedWell = error.code === "ended" && end && !end.truncated;
    if (!isFinite && (error.status === 204 || endedWell)) finish({ reason: "complete" });
    else fail(error, end && end.unfinished);
    return;
  }

  function giveUp(): void {
    const { failures } = attempts.state;
    const what =
      retry && failures >= (retry.attempts ?? Infinity) ? `after ${failures} attempts` : "for want of time";
    fail(new EventStreamError("exhausted", `Gave up ${what}: ${lastError!.message}`, { cause: lastError }));
  }

  function complete(last: Last): void {
    if (last === true) return finish({ reason: "complete" });
    const message = `The server says that its answer failed: ${explain(last.failed)}`;
    end({ reason: "failed", cause: new EventStreamError("failed", message, { cause: last.failed }) });
  }

  /** Ends it with an error. What came of a finite stream is then a part, and the verdict says so. */
  function fail(thrown: unknown, unfinished?: ParsedMessage): void {
    const cause =
      thrown instanceof EventStreamError
        ? thrown
        : new EventStreamError(
            "handler",
            `Cannot acknowledge message: its handler failed: ${String(thrown)}`,
            {
              cause: thrown,
            },
          );
    end(
      wasOpen && (isFinite || !canRepeat())
        ? { reason: "truncated", cause, unfinished }
        : { reason: "gave-up", cause },
    );
  }

  function end(how: Verdict & { readonly cause: EventStreamError }): void {
    Object.assign(how.cause, { willRetry: false });
    if (!verdict) tell(reportUncaught, onError, how.cause);
    finish(how);
  }

  function finish(how: Verdict): void {
    if (verdict) return;
    verdict = how;
    const { reason, cause } = how;
    stopAbort();
    attempts.take({ type: "close" });
    // What waits is dropped. Another connection can still get it.
    lastEventId = placeOfReader();
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
