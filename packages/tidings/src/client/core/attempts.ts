/**
 * Attempt after attempt at one event stream: makes a request, judges the response, gives what comes to the parser, and does what
 * `step` (reconnect.ts) decides when the attempt is lost. `connect` and `EventSource` both rest on it.
 * This module is browser compatible.
 */
import { ask, reportUncaught, tell } from "../../guard/foreign.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { Parser, ParserEnd } from "../../wire/parser.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transports/transport.ts";
import type { Clock } from "./clock.ts";
import { asEventStreamError, type EventStreamError, streamError } from "./event-stream-error.ts";
import { askHook, callHooks, type Hooks } from "./feature.ts";
import {
  INITIAL_STATE,
  isUnderWay,
  type ReconnectInput,
  type ReconnectState,
  type RetryPolicy,
  step,
} from "./reconnect.ts";
import { judgeResponse, quoteBody, REFUSAL_BODY_MS } from "./response.ts";

/** What the attempts are made with. */
export interface Source {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly transport: Transport;
  /** The owner's. It is reset before each attempt, and when one is cut, so that the rest of a chunk is not read. */
  readonly parser: Parser;
  /** Whether only status 200 is an answer, as the standard says. Default: any of 200 to 299 but 204 and 205. */
  readonly strict?: boolean;
  /** Makes the request of an attempt. A failure is a failed attempt. */
  request(this: void): TransportRequest | PromiseLike<TransportRequest>;
  /** Takes a message that the transport has parsed. */
  message?(this: void, message: ParsedMessage): void;
  /** A promise while the reader is behind. */
  pressure?(this: void): PromiseLike<void> | undefined;
}

export interface Attempts {
  readonly state: ReconnectState;
  /** The URL of the last request. */
  readonly url: string | undefined;
  /** Goes to the next state, and does what it asks for. */
  take(this: void, input: ReconnectInput): void;
  /** The current attempt is lost. */
  lose(this: void, error: EventStreamError, end?: ParserEnd): void;
}

export function createAttempts(source: Source, hooks: readonly Hooks[]): Attempts {
  const { clock, parser, transport } = source;
  let state = INITIAL_STATE;
  let url: string | undefined;
  let timer: unknown;
  let cut = nothing;

  return {
    get state() {
      return state;
    },
    get url() {
      return url;
    },
    take,
    lose,
  };

  function take(input: ReconnectInput): void {
    const before = state;
    const nowMs = clock.nowMs();
    const next = step(before, input, nowMs, source.policy);
    if (next === before) return;
    state = next;
    const { phase, dueMs } = next;
    // A stream that stays open goes on. Everything else that was begun is over.
    if (phase !== "open") {
      clock.clearTimeout(timer);
      cut();
      cut = nothing;
    }
    const change = { state: next, before, input, nowMs };
    for (const hook of hooks) {
      tell(reportUncaught, hook.state, change);
      // A hook may have closed the connection.
      if (state !== next) return;
    }
    if (phase === "connecting") attempt();
    else if (/^(waiting|paused)$/.test(phase) && dueMs < Infinity)
      wait(() => take({ type: "due" }), dueMs - nowMs);
  }

  function lose(error: EventStreamError, end?: ParserEnd): void {
    const { attempt } = state;
    let input: ReconnectInput | undefined;
    if (!isUnderWay(state)) return;
    for (const { lost } of hooks) input ||= askHook(lost, error, end);
    // The hook may have closed the connection, or made another attempt.
    if (input && state.attempt === attempt) take(input);
  }

  function wait(run: () => void, ms: number): void {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(run, ms);
  }

  function attempt(): void {
    let opened: { abort(): void } | undefined;
    let behind: PromiseLike<void> | undefined;
    /** It was cut, or it was lost. */
    let over = false;
    let refused = false;

    cut = () => {
      over = true;
      parser.reset();
      if (opened) tell(reportUncaught, () => opened!.abort());
    };
    ask(source.request, send, (cause) =>
      fail(asEventStreamError(cause, "request", undefined, "Cannot make the request")),
    );

    function send(request: TransportRequest): void {
      if (over) return;
      parser.reset();
      callHooks(hooks, "request", request, reportUncaught);
      url = request.url;
      if (over) return;
      try {
        opened = transport.open(request, {
          onResponse: answer,
          onBytes: (chunk) => read(() => parser.push(chunk), chunk),
          onText: (chunk) => read(() => parser.push(chunk), chunk),
          onMessage: (message) => read(() => source.message!(message)),
          onEnd: () => end(streamError("ended", url, "ended")),
          onError: (cause) => end(asEventStreamError(cause, "network", url)),
        });
      } catch (cause) {
        fail(asEventStreamError(cause, "network", url));
      }
      if (over && opened) opened.abort();
    }

    function answer(response: TransportResponse): void {
      if (over || refused) return;
      const refusal = judgeResponse(response, source.strict);
      if (!refusal) {
        take({ type: "opened" });
        if (!over) callHooks(hooks, "response", response, reportUncaught);
        return;
      }
      refused = true;
      const refuse = (body?: string) => fail(quoteBody(refusal, body));
      if (!response.text) return refuse();
      wait(refuse, REFUSAL_BODY_MS);
      ask(
        () => response.text!(),
        refuse,
        () => refuse(),
      );
    }

    function read(push: () => void, chunk?: Uint8Array | string): void | PromiseLike<void> {
      if (over || refused) return;
      try {
        push();
      } catch (cause) {
        return fail(asEventStreamError(cause, "handler", url));
      }
      if (over) return;
      callHooks(hooks, "heard", chunk, reportUncaught);
      behind = source.pressure && source.pressure();
      return over ? undefined : behind;
    }

    /** The transport is done. The end comes after the messages before it, though the transport could not wait for them. */
    function end(error: EventStreamError): void {
      ask(
        () => behind,
        () => over || refused || fail(error, parser.end()),
        nothing,
      );
    }

    function fail(error: EventStreamError, end?: ParserEnd): void {
      if (over) return;
      over = true;
      lose(error, end);
    }
  }
}

function nothing(): void {}
