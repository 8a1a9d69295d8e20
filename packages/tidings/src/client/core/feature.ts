/**
 * Features and their hooks. The core makes attempts and hands on messages in order; everything else is a feature: JSON, cursors,
 * idle limits, page visibility. A feature is a value for `use`: a function that is called once per connection and returns hooks.
 * The core calls the hooks, and knows no feature by name.
 * This module is browser compatible.
 */
import { type Report, reportUncaught, tell } from "../../guard/foreign.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transports/transport.ts";
import type { Clock } from "./clock.ts";
import type { Verdict } from "./connection.ts";
import type { EventStreamError } from "./event-stream-error.ts";
import type { ReconnectInput, ReconnectState, RetryPolicy } from "./reconnect.ts";
import type { RequestParts } from "./request.ts";

/** @typeParam Message - What it makes of messages, if it decodes them. */
export interface Feature<Message = never> {
  (core: Core): Hooks;
  /** Only for types. */
  readonly message?: Message;
}

/**
 * A feature that a generic function makes. It is {@link Feature}, seen by the compiler only when the call is resolved: it puts off a call
 * that may return a function, here until it has settled the messages of the `connect` around it.
 */
export type Decoding<Message> = [Message] extends [object] ? Feature<Message> : object;

/** Where the attempts stand. Only they change it. */
export interface Attempts {
  state: ReconnectState;
  /** The URL of the last request. */
  url: string | undefined;
  /** The newest last event ID that came, handled or not. */
  lastEventId: string;
  /** Goes to the next state, and does what it asks for. Does nothing when the input does not fit the state. */
  take(this: void, input: ReconnectInput): void;
  /** The current attempt is lost. Does nothing when there is none. */
  lose(this: void, error: EventStreamError, end?: ParserEnd): void;
}

/** What a feature can see of its connection, and do with it. */
export interface Core extends Readonly<Attempts> {
  readonly clock: Clock;
  readonly transport: Transport;
  /** What each request is made of. A feature may change it in `prepare`. */
  readonly parts: RequestParts;
  /** How long to wait. A feature may change it. */
  readonly policy: RetryPolicy;
  /** Whether another attempt may follow when the current one is lost. */
  canRepeat(this: void): boolean;
  /** A promise while messages wait for a handler or a reader. */
  pressure(this: void): PromiseLike<void> | undefined;
  /** Calls `onError` with an error that ends nothing. */
  readonly report: Report;
  /** Ends the connection with an error. */
  fail(this: void, error: EventStreamError): void;
}

/** All are optional. They are called in the order of the features, without `this`. Where one answer is asked for, the first counts. */
export interface Hooks {
  /** Whether a request may be repeated that otherwise is not. One that says so is enough. */
  canRepeat?(this: void): boolean;
  /** The last event ID to begin with. Asked once, before the first attempt. */
  restore?(this: void): Restored | PromiseLike<Restored>;
  /** Awaited before anything else of an attempt, however long it takes: somebody may have to sign in. A failure is a failed attempt. */
  wait?(this: void): unknown;
  /** Awaited before each request is made. A failure is a failed attempt. With `idle`, so is one that takes longer than `connectTimeoutMs`. */
  prepare?(this: void): unknown;
  /** The request is about to be sent, and may be changed. */
  request?(this: void, request: TransportRequest): void;
  /** The response is no event stream, as `refusal` says. @returns What takes its body, up to `core.lose(refusal)` or its end. */
  refused?(this: void, refusal: EventStreamError): ((chunk: Uint8Array | string) => void) | undefined;
  /** The response is an event stream. */
  response?(this: void, response: TransportResponse): void;
  /** A chunk came. Its messages have been queued. `undefined` where the transport parsed the message itself. */
  heard?(this: void, chunk: Uint8Array | string | undefined): void;
  /** A comment came. */
  comment?(this: void, text: string): void;
  /** Whether the message with this `id` came before: it is dropped, and moves no cursor. */
  isOld?(this: void, id: string): boolean;
  /** The cursor that a message carries elsewhere than in its `id`. Asked when it has come, before it waits. */
  cursor?(this: void, message: ParsedMessage): string | undefined;
  /** The verdict, if this message is the last. Asked before the message is decoded, and final once it is handled. */
  until?(this: void, message: ParsedMessage): Last | PromiseLike<Last>;
  /** What the application gets of a message; `undefined` for nothing. @param isLast - It may be no data at all. */
  decode?(this: void, message: ParsedMessage, isLast: boolean): unknown;
  /** The handlers were called. They may not be done. */
  handed?(this: void, message: ParsedMessage): void;
  /** The handlers are done, or the reader asked for the next message. */
  handled?(this: void, message: ParsedMessage): void;
  /** Whether the connection must end when a handler fails, since its message must not be passed over. */
  mustHandle?(this: void): boolean;
  /** The attempt was lost. @returns What follows. */
  lost?(this: void, error: EventStreamError, end: ParserEnd | undefined): ReconnectInput | undefined;
  /** The state is another one. */
  state?(this: void, change: StateChange): void;
}

/** How an answer says that it has ended; nothing for a message that is not its last. */
export type Last = Extract<Verdict, { readonly reason: "complete" | "failed" }> | false | undefined | void;
type Restored = string | null | undefined | void;

export interface StateChange {
  readonly state: ReconnectState;
  readonly before: ReconnectState;
  readonly input: ReconnectInput;
  readonly nowMs: number;
}

/**
 * Calls one hook of all features.
 * @returns The first answer that says something. What a hook throws is reported, and is no answer; nor is a promise, which comes too late.
 */
export function callHooks<Name extends keyof Hooks>(
  hooks: readonly Hooks[],
  name: Name,
  ...values: Parameters<Hook<Name>>
): ReturnType<Hook<Name>> | undefined {
  let answer: unknown;
  for (const hook of hooks) {
    const call = hook[name] as ((...values: unknown[]) => unknown) | undefined;
    // Most features lack most hooks, and some hooks are called for each message.
    if (!call) continue;
    const said = tell(reportUncaught, call, ...values);
    answer ||= said;
  }
  return answer as ReturnType<Hook<Name>> | undefined;
}

type Hook<Name extends keyof Hooks> = NonNullable<Hooks[Name]>;
