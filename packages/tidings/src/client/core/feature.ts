/**
 * Features and their hooks. The core makes attempts and hands on messages in order; everything else is a feature: JSON, cursors,
 * idle limits, page visibility. A feature is a value for `use`: a function that is called once per connection and returns hooks.
 * The core calls the hooks, and knows no feature by name.
 * This module is browser compatible.
 */
import { ask, type Report, reportUncaught, tell } from "../../guard/foreign.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transports/transport.ts";
import type { Clock } from "./clock.ts";
import type { EventStreamError } from "./event-stream-error.ts";
import type { ReconnectInput, ReconnectState } from "./reconnect.ts";
import type { RequestParts } from "./request.ts";

/** @typeParam Message - What it makes of messages, if it decodes them. */
export interface Feature<Message = never> {
  (core: Core): Hooks;
  /** Only for types. */
  readonly message?: Message;
}

/** What a feature can see of its connection, and do with it. */
export interface Core {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly state: ReconnectState;
  /** What each request is made of. A feature may change it in `prepare`. */
  readonly parts: RequestParts;
  /** The URL of the last request. */
  readonly url: string | undefined;
  /** The newest last event ID that came, handled or not. */
  readonly lastEventId: string;
  /** The epoch of the hub that sends the messages; `undefined` for any other server, and before the hub has announced itself. */
  readonly hubEpoch: string | undefined;
  /** Whether another attempt may follow when the current one is lost. */
  canRepeat(this: void): boolean;
  /** A promise while messages wait for a handler or a reader. */
  pressure(this: void): PromiseLike<void> | undefined;
  /** Goes to the next state. Does nothing when the input does not fit the state. */
  take(this: void, input: ReconnectInput): void;
  /** The current attempt is lost. Does nothing when there is none. */
  lose(this: void, error: EventStreamError, end?: ParserEnd): void;
  /** Calls `onError` with an error that ends nothing. */
  readonly report: Report;
}

/** All are optional. They are called in the order of the features, without `this`. */
export interface Hooks {
  /** Whether a request may be repeated that otherwise is not. One that says so is enough. */
  canRepeat?(this: void): boolean;
  /** The last event ID to begin with. Asked once, before the first attempt. */
  restore?(this: void): Restored | PromiseLike<Restored>;
  /** Awaited before each request is made. A failure is a failed attempt. */
  prepare?(this: void): unknown;
  /** The request is about to be sent, and may be changed. */
  request?(this: void, request: TransportRequest): void;
  /** The response is an event stream. */
  response?(this: void, response: TransportResponse): void;
  /** A chunk came. Its messages have been queued. `undefined` where the transport parsed the message itself. */
  heard?(this: void, chunk: Uint8Array | string | undefined): void;
  /** The cursor that a message carries elsewhere than in its `id`. Asked when it has come, before it waits. */
  cursor?(this: void, message: ParsedMessage): string | undefined;
  /** Whether this message is the last, as `until` has it. Asked before the message is decoded. */
  until?(this: void, message: ParsedMessage): unknown;
  /** What the application gets of a message; `undefined` for nothing. @param isLast - `until` is fulfilled: it may be no data at all. */
  decode?(this: void, message: ParsedMessage, isLast: boolean): unknown;
  /** The message is about to be given to handlers or the reader. */
  handing?(this: void, message: ParsedMessage): void;
  /** The handlers were called. They may not be done. */
  handed?(this: void, message: ParsedMessage): void;
  /** The handlers are done, or the reader asked for the next message. */
  handled?(this: void, message: ParsedMessage): void;
  /** Whether the connection must end when a handler fails, since its message must not be passed over. */
  mustHandle?(this: void): boolean;
  /** The attempt was lost. @returns What follows; the first answer counts. */
  lost?(this: void, error: EventStreamError, end: ParserEnd | undefined): ReconnectInput | undefined;
  /** The state is another one. */
  state?(this: void, change: StateChange): void;
}

type Restored = string | null | undefined | void;

export interface StateChange {
  readonly state: ReconnectState;
  readonly before: ReconnectState;
  readonly input: ReconnectInput;
  readonly nowMs: number;
}

/** Calls one hook of all features. */
export function callHooks<Name extends "request" | "response" | "heard" | "handing" | "handed" | "handled">(
  hooks: readonly Hooks[],
  name: Name,
  value: Parameters<NonNullable<Hooks[Name]>>[0],
  report: Report,
): void {
  for (const hook of hooks) tell(report, hook[name] as ((value: unknown) => unknown) | undefined, value);
}

/** Asks a feature, if it has the hook. What it throws is reported, and is no answer; nor is a promise, which comes too late. */
export function askHook<Values extends readonly unknown[], Answer>(
  hook: ((...values: Values) => Answer) | undefined,
  ...values: Values
): Answer | undefined {
  let answer: Answer | undefined;
  ask(
    () => hook && hook(...values),
    (given) => {
      answer = given;
    },
    reportUncaught,
  );
  return answer;
}
