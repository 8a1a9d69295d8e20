/**
 * Makes a connection: drives it through the states that reconnect.ts decides on, attempt after attempt, to its verdict.
 * One order for all: messages are parsed, queued, and taken one after the other; what happens to the stream happens after the
 * messages before it. Shared with mini programs: it names no platform object.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { ParserEnd } from "../wire/text-parser.ts";
import { attempt, type AttemptOwner } from "./attempt.ts";
import { systemClock } from "./clock.ts";
import type { Connection, ConnectionOptions, Platform, Verdict } from "./connection.ts";
import { isBehind } from "./cursor.ts";
import { deliver } from "./deliver.ts";
import { EventStreamError, streamError } from "./event-stream-error.ts";
import { followPlatform } from "./follow-platform.ts";
import { DEFAULT_RETRY, INITIAL_STATE, isUnderWay, type ReconnectInput, step } from "./reconnect.ts";
import { isFatal, retryAfterMsOf } from "./refusal.ts";
import { type Asked, carrier, makeRequest, mayReplay } from "./request.ts";
import { report, settle } from "./settle.ts";
import { shareFlight } from "./share-flight.ts";
import { limitSilence } from "./silence.ts";
import type { Transport } from "./transports/transport.ts";

/** @throws {TypeError} If an option makes no sense. */
export function openConnection<Message extends { readonly event: string } = ParsedMessage>(
  url: Asked<string>,
  transport: Transport,
  options: ConnectionOptions<Message>,
  platform: Platform<Message>,
): Connection<Message> {
  const {
    ack,
    clock = systemClock,
    cursor,
    cursorVia = "header",
    onError,
    onOpen,
    onState,
    refresh,
    retry,
    signal,
    trace,
    until,
    whenHidden = "keep",
  } = options;
  const method = (options.method || "GET").toUpperCase();
  const policy = Object.assign({}, DEFAULT_RETRY, retry);
  // Who keeps a cursor has said that the stream can be continued.
  const mayReturn = retry !== false && mayReplay(method, (retry && retry.replay) || cursor);
  const carry = cursorVia === "header" ? undefined : carrier(cursorVia);
  const silence = limitSilence(options.idleMs ?? platform.idleMs(mayReturn));

  let state = INITIAL_STATE;
  let cut = nothing;
  let timer: unknown;
  let requestedUrl = "";
  let wasOpen = false;
  let lastError: EventStreamError | undefined;
  let refreshing: PromiseLike<unknown> | undefined;

  // Where the stream stands. The parser's own runs back when a message comes that came before.
  let lastEventId = "";
  let handedId = "";
  let duplicate = false;
  let stored = "";

  let unwatch = nothing;

  let verdict: Verdict | undefined;
  let resolveEnded: (verdict: Verdict) => void;
  const ended = new Promise<Verdict>((resolve) => {
    resolveEnded = resolve;
  });

  const delivery = deliver(
    options,
    platform.decode,
    (id) => (handedId = id),
    store,
    () => finish({ reason: "complete" }),
    fail,
  );
  const parser = platform.createParser(
    {
      onId(id) {
        duplicate = isBehind(id, lastEventId);
        if (!duplicate) lastEventId = id;
      },
      onMessage(message) {
        if (!duplicate) delivery.push(message);
        duplicate = false;
      },
      onRetry: (ms) => take({ type: "retry", ms }),
    },
    options,
  );

  const owner: AttemptOwner = {
    request() {
      const make = () => {
        // It may have been closed while it was refreshed, and then nobody hears this.
        if (verdict) throw lastError;
        return makeRequest(url, method, options.headers, options.body, lastEventId, carry);
      };
      return refreshing ? refreshing.then(make) : make();
    },
    open(request, sink) {
      requestedUrl = request.url;
      silence.heard(clock.nowMs());
      checkSilence();
      return transport.open(request, sink);
    },
    arm,
    onOpen(response) {
      silence.heard(clock.nowMs());
      take({ type: "opened" });
      if (state.phase !== "open") return;
      wasOpen = true;
      refreshing = undefined;
      if (onOpen) onOpen(response);
    },
    onMessage(message) {
      lastEventId = message.id;
      delivery.push(message);
    },
    onChunk(chunk) {
      const first = chunk && chunk[0];
      const pressure = delivery.pressure();
      silence.heard(clock.nowMs(), first === ":" || first === COLON);
      // An id without a message moves the cursor too, once the messages before it are handled.
      if (!pressure || ack === "received") store(lastEventId);
      return pressure && pressure.then(() => silence.heard(clock.nowMs()));
    },
    onLost: lost,
  };

  const follower = followPlatform(whenHidden, clock, pause, resume, () => {
    if (isUnderWay(state))
      lost(streamError("interrupted", requestedUrl, "was cut while the program was hidden"));
  });

  const abort = () => finish({ reason: "aborted", cause: signal!.reason });
  if (signal && signal.aborted) abort();
  else {
    if (signal) signal.addEventListener("abort", abort);
    settle(
      () => options.lastEventId || (cursor && cursor.get()),
      start,
      () => start(),
    );
  }

  return {
    get state() {
      return state.phase;
    },
    get lastEventId() {
      return placeOfReader();
    },
    ended,
    on: (event, handler) => delivery.on(event, handler as (message: Message) => unknown),
    close,
    [Symbol.asyncIterator]: () => delivery.iterate(close),
  };

  function placeOfReader(): string {
    return delivery.waits() ? handedId : lastEventId;
  }

  function start(id?: string | null): void {
    if (verdict) return;
    stored = handedId = lastEventId = id || "";
    take({ type: "start" });
    if (verdict) return;
    if (transport.watch) unwatch = transport.watch(follower.signals);
    else if (platform.watch) unwatch = platform.watch(follower.signals);
  }

  /** Goes on to the next state, and does what it asks for. */
  function take(input: ReconnectInput): void {
    const before = state;
    const nowMs = clock.nowMs();
    const next = step(before, input, nowMs, policy);
    if (next === before) return;
    state = next;
    const { phase, dueMs } = next;
    // Nothing that was begun before goes on, unless the stream is open and stays so.
    if (phase !== "open") {
      clock.clearTimeout(timer);
      cut();
      cut = nothing;
    }
    if (trace) {
      trace({
        atMs: nowMs,
        attempt: next.attempt,
        state: phase,
        what: input.type,
        waitMs: phase === "waiting" ? dueMs - nowMs : undefined,
        error: input.type === "lost" ? lastError : undefined,
      });
    }
    // Whoever is told may have closed.
    if (state === next && phase === "connecting") {
      parser.lastEventId = lastEventId;
      duplicate = false;
      attempt(owner, parser, (cutIt) => {
        cut = cutIt;
      });
    }
    if (state === next && phase === "waiting") {
      if (dueMs === Infinity) return giveUp();
      arm(() => take({ type: "due" }), dueMs - nowMs);
    }
    if (state === next && phase !== before.phase && onState) onState(phase);
    if (state === next && phase === "waiting" && follower.isAway()) pause(false);
  }

  function arm(run: () => void, ms: number): void {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(run, ms);
  }

  function checkSilence(): void {
    const left = silence.check(clock.nowMs(), !!delivery.pressure());
    if (typeof left === "string") {
      lost(streamError("idle", requestedUrl, `is dead: ${left}`));
    } else if (left < Infinity) arm(checkSilence, left);
  }

  // What is not asked for twice is left alone while it can live: what it has is all it will get.
  function pause(onlyWaiting: boolean): void {
    if (mayReturn && (!onlyWaiting || state.phase === "waiting")) take({ type: "pause" });
  }

  function resume(): void {
    if (mayReturn) take({ type: "resume" });
  }

  /** The current attempt is over, and nobody cut it. */
  function lost(loss: EventStreamError, end?: ParserEnd): void {
    const { code, status } = loss;
    const { attempt } = state;
    if (status === 401 && refresh && !refreshing) {
      lastError = Object.assign(loss, { willRetry: true });
      refreshing = shareFlight(refresh).then(undefined, (cause: unknown) => {
        throw Object.assign(loss, {
          cause,
          message: `${loss.message}; and refresh failed: ${String(cause)}`,
        });
      });
      return take({ type: "lost", random: 0, atOnce: true });
    }
    const willRetry = mayReturn && !isFatal(loss, (retry && retry.statuses) || {});
    lastError = Object.assign(loss, { willRetry });
    if (willRetry) {
      if (onError) onError(loss);
      // Whoever was told may have closed, or the network have changed.
      if (state.attempt === attempt) {
        take({
          type: "lost",
          random: clock.random(),
          retryAfterMs: retryAfterMsOf(loss, clock.nowMs()),
          byServer: code === "ended",
        });
      }
    } else if (!until && (status === 204 || (code === "ended" && !end!.truncated))) {
      finish({ reason: "complete" });
    } else fail(loss, end && end.unfinished);
  }

  function giveUp(): void {
    const cause = lastError!;
    const { failures } = state;
    const what = failures >= policy.attempts ? `after ${failures} attempts` : "for want of time";
    fail(new EventStreamError("exhausted", `Gave up ${what}: ${cause.message}`, { cause }));
  }

  /** Ends it with an error: what came of a stream that is not asked for twice is then a part, and said to be one. */
  function fail(cause: EventStreamError, unfinished?: ParsedMessage): void {
    if (onError && !verdict) onError(Object.assign(cause, { willRetry: false }));
    finish(
      wasOpen && (until || !mayReturn)
        ? { reason: "truncated", cause, unfinished }
        : { reason: "gave-up", cause },
    );
  }

  function finish(how: Verdict): void {
    if (verdict) return;
    verdict = how;
    const { reason, cause } = how;
    if (signal) signal.removeEventListener("abort", abort);
    follower.stop();
    unwatch();
    take({ type: "close" });
    // What waits is dropped, and is still to come for whoever goes on from here.
    lastEventId = placeOfReader();
    delivery.stop(reason !== "complete" && reason !== "closed", cause);
    resolveEnded(how);
  }

  function close(): void {
    finish({ reason: "closed" });
  }

  function store(id: string): void {
    if (!cursor || id === stored) return;
    stored = id;
    settle(() => cursor.set(id), nothing, report);
  }
}

function nothing(): void {}

const COLON = 58;
