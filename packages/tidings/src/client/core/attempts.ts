/**
 * Attempt after attempt at one event stream: makes a request, judges the response, gives what comes to the parser, and does what
 * `step` (reconnect.ts) decides when the attempt is lost. `connect` and `EventSource` both rest on it.
 * This module is browser compatible.
 */
import { ask, isThenable, reportUncaught, tell } from "../../guard/foreign.ts";
import type { ParserLimits } from "../../wire/handlers.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transports/transport.ts";
import type { Clock } from "./clock.ts";
import type { CreateParser } from "./connection.ts";
import { asEventStreamError, type EventStreamError, streamError } from "./event-stream-error.ts";
import { type Attempts, callHooks, type Hooks } from "./feature.ts";
import { INITIAL_STATE, isUnderWay, type ReconnectInput, type RetryPolicy, step } from "./reconnect.ts";
import { makeRequest, type RequestParts, together } from "./request.ts";
import { judgeResponse } from "./response.ts";

/** What the attempts are made with, and whom they tell. */
export interface Source {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly transport: Transport;
  readonly parts: RequestParts;
  readonly createParser: CreateParser;
  readonly limits?: ParserLimits;
  /** Whether only status 200 is an answer, as the standard says. Default: any of 200 to 299 but 204 and 205. */
  readonly strict?: boolean;
  /** Called for each message. */
  onMessage(this: void, message: ParsedMessage): void;
  /** The current attempt is lost, and no feature knows what follows. @returns Nothing for the end. */
  onLost(this: void, error: EventStreamError, end: ParserEnd | undefined): ReconnectInput | undefined;
  /** A promise while the reader is behind. */
  pressure?(this: void): PromiseLike<void> | undefined;
}

/** @param hooks - May be filled later, before the start. */
export function createAttempts(source: Source, hooks: readonly Hooks[]): Attempts {
  const { clock, transport, onMessage } = source;
  const attempts: Attempts = { state: INITIAL_STATE, url: undefined, lastEventId: "", take, lose };
  let timer: unknown;
  let cut = nothing;
  /** Whether the message that is being read came before. */
  let isOld: boolean | undefined;
  const parser = source.createParser(
    {
      onComment(text) {
        callHooks(hooks, "comment", text);
      },
      onId(id) {
        isOld = callHooks(hooks, "isOld", id);
        if (!isOld) attempts.lastEventId = id;
      },
      onMessage(message) {
        if (!isOld) onMessage(message);
        isOld = false;
      },
      onRetry: (ms) => take({ type: "retry", ms }),
    },
    source.limits,
  );
  return attempts;

  function take(input: ReconnectInput): void {
    const before = attempts.state;
    const nowMs = clock.nowMs();
    const state = step(before, input, nowMs, source.policy);
    if (state === before) return;
    attempts.state = state;
    const { phase, dueMs } = state;
    // A stream that stays open goes on. Everything else that was begun is over.
    if (phase !== "open") {
      clock.clearTimeout(timer);
      cut();
      cut = nothing;
    }
    for (const hook of hooks) {
      tell(reportUncaught, hook.state, { state, before, input, nowMs });
      // A hook may have closed the connection.
      if (attempts.state !== state) return;
    }
    if (phase === "connecting") attempt();
    else if (/^(waiting|paused)$/.test(phase) && dueMs < Infinity)
      timer = clock.setTimeout(() => take({ type: "due" }), dueMs - nowMs);
  }

  function lose(error: EventStreamError, end?: ParserEnd): void {
    const { attempt } = attempts.state;
    if (!isUnderWay(attempts.state)) return;
    const said = callHooks(hooks, "lost", error, end);
    const input = said && said.type ? said : source.onLost(error, end);
    // A hook may have closed the connection, or made another attempt.
    if (input && attempts.state.attempt === attempt) take(input);
  }

  function attempt(): void {
    let opened: { abort(): void } | undefined;
    let behind: PromiseLike<void> | undefined;
    let refusal: EventStreamError | undefined;
    let takeRefusal: ((chunk: Uint8Array | string) => void) | undefined;
    /** It was cut, or it was lost. */
    let over = false;

    cut = () => {
      over = true;
      // The rest of a chunk is not read.
      parser.reset();
      if (opened) tell(reportUncaught, () => opened!.abort());
    };
    awaitAll("wait", () =>
      awaitAll("prepare", () => ask(() => makeRequest(source.parts, attempts.lastEventId), send, cannotMake)),
    );

    function awaitAll(name: "wait" | "prepare", then: () => void): void {
      ask(
        () => together(hooks.map((hook) => hook[name] && hook[name]())),
        () => over || then(),
        cannotMake,
      );
    }

    function cannotMake(cause: unknown): void {
      fail(asEventStreamError(cause, "request", undefined, "Cannot make the request"));
    }

    function send(request: TransportRequest): void {
      if (over) return;
      parser.reset();
      parser.lastEventId = attempts.lastEventId;
      isOld = false;
      callHooks(hooks, "request", request);
      const { url } = request;
      attempts.url = url;
      if (over) return;
      const onError = (cause: unknown) =>
        end(
          (attempts.state.phase !== "open" && whyUnsendable(request, cause)) ||
            asEventStreamError(cause, "network", url),
        );
      const read = (chunk: Uint8Array | string) => hear(() => parser.push(chunk), chunk);
      try {
        opened = transport.open(request, {
          onResponse: answer,
          onBytes: read,
          onText: read,
          onMessage: (message) =>
            hear(() => {
              attempts.lastEventId = message.id;
              onMessage(message);
            }),
          onEnd: () => end(streamError("ended", url, "ended")),
          onError,
        });
        // Of another's transport: an async function, say.
        if (isThenable(opened)) opened.then(undefined, onError);
      } catch (cause) {
        onError(cause);
        opened = undefined;
      }
      if (over && opened) tell(reportUncaught, () => opened!.abort());
    }

    function answer(response: TransportResponse): void | PromiseLike<void> {
      if (over || refusal) return;
      refusal = judgeResponse(response, source.strict);
      if (refusal) {
        takeRefusal = callHooks(hooks, "refused", refusal);
        if (!takeRefusal) fail(refusal);
      } else {
        take({ type: "opened" });
        if (!over) callHooks(hooks, "response", response);
        // What came over the connection before may still wait for its reader.
        return (behind = source.pressure && source.pressure());
      }
    }

    function hear(read: () => void, chunk?: Uint8Array | string): void | PromiseLike<void> {
      if (over) return;
      if (refusal) return tell(reportUncaught, takeRefusal, chunk!);
      try {
        read();
      } catch (cause) {
        return fail(asEventStreamError(cause, "handler", attempts.url));
      }
      if (over) return;
      callHooks(hooks, "heard", chunk);
      behind = source.pressure && source.pressure();
      return over ? undefined : behind;
    }

    /** The transport is done. The end comes after the messages before it, though the transport could not wait for them. */
    function end(error: EventStreamError): void {
      ask(
        () => behind,
        () => fail(refusal || error, parser.end()),
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

/**
 * Why no attempt at a request can succeed: most platforms refuse control characters in a header, and the rest are answered with 400.
 * They may come from the server, in an id.
 */
function whyUnsendable({ headers, url }: TransportRequest, cause: unknown): EventStreamError | undefined {
  const isBad = (name: string) => /[\0-\b\n-\x1f\x7f]/.test(headers[name]!);
  const name = tell(nothing, () => Object.keys(headers).filter(isBad)[0]);
  // Its value may be a secret.
  const what = `Cannot make the request to ${url}: ${name} has control characters`;
  return name
    ? Object.assign(asEventStreamError(cause, "request", undefined, what), { willRetry: false })
    : undefined;
}

function nothing(): void {}
