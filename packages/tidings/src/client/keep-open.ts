/**
 * Keeps one event stream open: does what reconnect.ts decides, with the transport, the parser and the timers it is handed.
 * What a refusal or an end means is the owner's to say; EventSource and connect() say it differently.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Parser } from "../wire/parser.ts";
import type { ParserEnd, ParserHandlers } from "../wire/text-parser.ts";
import { EventStreamError, type EventStreamErrorCode } from "./event-stream-error.ts";
import {
  INITIAL_STATE,
  type ReconnectEffect,
  type ReconnectInput,
  type ReconnectState,
  type RetryPolicy,
  step,
} from "./reconnect.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transports/transport.ts";

/** Time and chance, handed in so that tests hold them. */
export interface Clock {
  nowMs(): number;
  /** From 0 up to 1. */
  random(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The clock of the platform, looked up at each call so that a test's fake timers are seen. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

export interface KeepOpenOptions {
  transport: Transport;
  createParser(handlers: ParserHandlers): Parser;
  clock: Clock;
  policy: RetryPolicy;
  /** Asked at each attempt. A failure of it is a failed attempt. */
  request(lastEventId: string): TransportRequest | PromiseLike<TransportRequest>;
  /** @returns Why this response will not be read, or nothing to read it. */
  judge(response: TransportResponse): EventStreamError | undefined;
  onOpen(response: TransportResponse): void;
  onMessage(message: ParsedMessage): void;
  /** Whether a message of this id came before; it is dropped. */
  isDuplicate?(id: string, lastEventId: string): boolean;
  /** After each chunk. @returns A promise while the reader is behind. */
  onChunk?(): void | PromiseLike<void>;
  /**
   * The current attempt is over, and nobody closed it.
   * @param end - Whether it ended inside a message, and inside which.
   * @returns How to return; nothing, if the owner has closed.
   */
  onLost(error: EventStreamError, end: ParserEnd): Return | undefined;
  /** The policy is at its end. The owner closes. */
  onGiveUp(limit: "attempts" | "budgetMs"): void;
  /** Each step, after it was made and before it is acted upon. */
  onStep?(input: ReconnectInput, state: ReconnectState, effects: readonly ReconnectEffect[]): void;
  /** The phase is another. */
  onState?(state: ReconnectState): void;
}

export interface Return {
  retryAfterMs?: number | undefined;
  atOnce?: boolean | undefined;
}

export interface Keeper {
  readonly state: ReconnectState;
  /** Where the stream stands, and what the next attempt is asked from. */
  lastEventId: string;
  start(): void;
  pause(): void;
  /** While waiting or paused: try now. */
  resume(): void;
  /** Cuts the current attempt as failed. */
  lose(error: EventStreamError): void;
  /** Final: after it nothing is called and no timer runs. */
  close(): void;
}

export function keepOpen(options: KeepOpenOptions): Keeper {
  const { clock, transport } = options;
  let state = INITIAL_STATE;
  let timer: unknown;
  let abort = nothing;
  // The parser's own runs ahead when a handler closes or pauses in the middle of a chunk.
  let lastEventId = "";
  let duplicate = false;
  let reading = 0;

  const parser = options.createParser({
    onMessage(message) {
      if (!isCurrent(reading)) return;
      const came = duplicate;
      duplicate = false;
      if (!came) options.onMessage(message);
    },
    onId(id) {
      if (!isCurrent(reading)) return;
      duplicate = !!options.isDuplicate && options.isDuplicate(id, lastEventId);
      if (!duplicate) lastEventId = id;
    },
    onRetry(ms) {
      if (isCurrent(reading)) take({ type: "retry", ms });
    },
  });

  return {
    get state() {
      return state;
    },
    get lastEventId() {
      return lastEventId;
    },
    set lastEventId(id) {
      lastEventId = id;
    },
    start: () => take({ type: "start", nowMs: clock.nowMs() }),
    pause: () => take({ type: "pause" }),
    resume: () => take({ type: "resume", nowMs: clock.nowMs() }),
    lose: (error) => lost(state.attempt, error),
    close: () => take({ type: "close" }),
  };

  function take(input: ReconnectInput): void {
    const before = state.phase;
    if (before === "closed") return;
    const [next, effects] = step(state, input, options.policy);
    state = next;
    if (options.onStep) options.onStep(input, next, effects);
    effects.forEach(act);
    if (next.phase !== before && state === next && options.onState) options.onState(next);
  }

  function act(effect: ReconnectEffect): void {
    // Whoever was told of the step may have closed: then nothing is started any more.
    if (effect.type === "open") {
      if (isCurrent(effect.attempt)) open(effect.attempt);
    } else if (effect.type === "wait") {
      if (state.phase !== "waiting") return;
      timer = clock.setTimeout(() => take({ type: "due", nowMs: clock.nowMs() }), effect.ms);
    } else if (effect.type === "stop-waiting") clock.clearTimeout(timer);
    else if (effect.type === "give-up") options.onGiveUp(effect.limit);
    else {
      cutOff();
    }
  }

  function cutOff(): void {
    const cut = abort;
    abort = nothing;
    clock.clearTimeout(timer);
    cut();
  }

  function isCurrent(attempt: number): boolean {
    return attempt === state.attempt && (state.phase === "connecting" || state.phase === "open");
  }

  function open(attempt: number): void {
    abort = nothing;
    let asked: TransportRequest | PromiseLike<TransportRequest>;
    try {
      asked = options.request(lastEventId);
    } catch (error) {
      asked = Promise.reject(error);
    }
    if ("then" in asked) asked.then(send, (cause) => lost(attempt, asEventStreamError(cause, "request")));
    else send(asked);

    function send(request: TransportRequest): void {
      if (!isCurrent(attempt)) return;
      const { url } = request;
      let refused = false;
      parser.reset();
      parser.lastEventId = lastEventId;
      duplicate = false;

      const read = (chunk: Uint8Array | string): void | PromiseLike<void> => {
        if (!isCurrent(attempt) || refused) return;
        reading = attempt;
        try {
          parser.push(chunk);
        } catch (cause) {
          return lost(attempt, asEventStreamError(cause, "too-large", url));
        }
        return chunkRead();
      };
      let pressure: void | PromiseLike<void>;
      const chunkRead = () =>
        (pressure = isCurrent(attempt) && options.onChunk ? options.onChunk() : undefined);
      // A transport that cannot hold back may end before its messages were taken; the end comes after them all the same.
      const afterPressure = (run: () => void) => (pressure ? void pressure.then(run) : run());

      const over = (error: EventStreamError) =>
        afterPressure(() => {
          if (isCurrent(attempt) && !refused) lost(attempt, error, parser.end());
        });

      const opened = transport.open(request, {
        onResponse(response) {
          if (!isCurrent(attempt)) return;
          const refusal = options.judge(response);
          if (refusal) {
            refused = true;
            if (!response.text) return lost(attempt, refusal);
            const refuse = (body?: string) => {
              clock.clearTimeout(timer);
              if (!isCurrent(attempt)) return;
              if (body) Object.assign(refusal, { body, message: `${refusal.message}: ${excerpt(body)}` });
              lost(attempt, refusal);
            };
            timer = clock.setTimeout(refuse, REFUSAL_BODY_MS);
            return void response.text().then(refuse, () => refuse());
          }
          take({ type: "opened", attempt, nowMs: clock.nowMs() });
          if (isCurrent(attempt)) options.onOpen(response);
        },
        onBytes: read,
        onText: read,
        onMessage(message) {
          if (!isCurrent(attempt) || refused) return;
          lastEventId = message.id;
          options.onMessage(message);
          return chunkRead();
        },
        onEnd: () => over(new EventStreamError("ended", `Event stream ${url} ended`, { url })),
        onError: (cause) => over(asEventStreamError(cause, "network", url)),
      });
      if (isCurrent(attempt)) abort = () => opened.abort();
      else opened.abort();
    }
  }

  function lost(attempt: number, error: EventStreamError, end: ParserEnd = { truncated: false }): void {
    if (!isCurrent(attempt)) return;
    const how = options.onLost(error, end);
    if (!how || !isCurrent(attempt)) return;
    cutOff();
    take({
      type: "lost",
      attempt,
      nowMs: clock.nowMs(),
      random: clock.random(),
      retryAfterMs: how.retryAfterMs,
      byServer: error.code === "ended",
      atOnce: how.atOnce,
    });
  }
}

function asEventStreamError(cause: unknown, code: EventStreamErrorCode, url?: string): EventStreamError {
  if (cause instanceof EventStreamError) return cause;
  const told = (cause as { code?: unknown } | undefined)?.code;
  const known = told === "timeout" || told === "interrupted" || told === "unsupported" ? told : code;
  const what = url === undefined ? "Cannot make the request" : `Event stream ${url} failed`;
  return new EventStreamError(known, `${what}: ${messageOf(cause)}`, { url, cause });
}

function messageOf(cause: unknown): string {
  const { message } = Object(cause) as { message?: unknown };
  return String(message || cause);
}

function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** How long the body of a refusal may take, so that a server which never ends it holds nobody. */
const REFUSAL_BODY_MS = 2000;

function nothing(): void {}
