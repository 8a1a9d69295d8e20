/**
 * A connection: the client's end of an event stream over all its reconnects, as an application holds it: what it can be told,
 * what it offers, and how it ends. Shared by every platform's `connect`; open-connection.ts makes one.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Parser } from "../wire/parser.ts";
import type { ParserHandlers, ParserLimits } from "../wire/text-parser.ts";
import type { Clock } from "./clock.ts";
import type { CursorStore } from "./cursor.ts";
import type { EventStreamError } from "./event-stream-error.ts";
import type { Gap } from "./gap.ts";
import type { ConnectionState, ReconnectInput, RetryPolicy } from "./reconnect.ts";
import type { StatusTable } from "./refusal.ts";
import type { Asked, CursorVia, HeadersInput } from "./request.ts";
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
   * Default false, unless there is a `cursor`: an answer that costs money is asked for once.
   */
  replay?: boolean;
  /** What to do about a status that is not 200. Default: come back after 408, 425, 429 and 5xx, stop at all others. */
  statuses?: StatusTable;
}

export interface ConnectionOptions<Message = ParsedMessage> extends ParserLimits {
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
  /**
   * Called when the server says 401; when its promise fulfils, the request is made again, at once and once. Streams that share the
   * function share the call. When it rejects, or the server says 401 again, the connection gives up.
   */
  refresh?: () => unknown;
  /**
   * Milliseconds without a byte, comments counted, after which the stream is dead and another attempt is made; 0 for no limit.
   * `"auto"`: three times the server's heartbeat, once two have been heard. Default `"auto"`; in mini programs 45 000, or 120 000
   * for what is not asked for twice.
   */
  idleMs?: number | "auto";
  /** How a stream that is finite ends well: with this event type, or with a message for which this is true. */
  until?: string | ((message: ParsedMessage) => boolean);
  /** Where the cursor is kept, so that it outlives a reload. */
  cursor?: CursorStore;
  /**
   * When the cursor is stored: after the message was `"handled"`, so that none is lost in a crash and the last may come twice, or
   * when it was `"received"`. Handled is: its handlers are done, with their promises, or the reader asked for the next. If a handler
   * fails, the connection gives up rather than pass over the message. Default `"handled"`.
   */
  ack?: "handled" | "received";
  /** How the cursor travels. Default `"header"`. */
  cursorVia?: CursorVia;
  /** Messages that may wait for handlers or a reader when the transport cannot hold the server back. Default 1024; more end the connection. */
  maxQueuedMessages?: number;
  /**
   * What to do while the program is not on the screen: `"keep"` the stream for as long as the platform does, or `"pause"` it, at
   * once or after a number of milliseconds. Either way it resumes on the screen from the last event ID; what is not asked for twice
   * is kept. Default `"keep"`.
   */
  whenHidden?: "keep" | "pause" | number;
  /** Time and chance, for tests. */
  clock?: Clock;
  /** Each message, of any event type. A promise holds back the next one. */
  onMessage?(this: void, message: Message): unknown;
  /** Messages are missing, and the hub says which. */
  onGap?(this: void, gap: Gap): void;
  /** A response came and is read. */
  onOpen?(this: void, response: TransportResponse): void;
  /** An attempt failed, or a message was invalid; `error.willRetry` says whether another attempt follows. */
  onError?(this: void, error: EventStreamError): void;
  onState?(this: void, state: ConnectionState): void;
  /** Each step of the reconnecting, for logs and inspectors. */
  trace?(this: void, entry: TraceEntry): void;
}

/** One step of a connection's life. */
export interface TraceEntry {
  readonly atMs: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** What the state is after it. */
  readonly state: ConnectionState;
  /** What happened. */
  readonly what: ReconnectInput["type"];
  /** How long until the next attempt. */
  readonly waitMs: number | undefined;
  /** Why the attempt was lost. */
  readonly error: EventStreamError | undefined;
}

export interface Connection<Message = ParsedMessage> extends AsyncIterable<Message> {
  readonly state: ConnectionState;
  /**
   * Where another connection would go on, `""` for the start: behind the newest message that was handed on. What came and waits
   * for a reader or a handler is not counted; after the end it was dropped.
   */
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

/** How a connection ended. */
export type Verdict =
  /** As it should: with what `until` names; without `until`, the response of a request that is not repeated ended between two messages, or the server said 204. */
  | { readonly reason: "complete"; readonly cause?: undefined }
  /** Messages came, and then less than all. `unfinished` is what had come of the one that was cut off. */
  | {
      readonly reason: "truncated";
      readonly cause: EventStreamError;
      readonly unfinished?: ParsedMessage | undefined;
    }
  /** By `close()`, or by leaving the `for await`. */
  | { readonly reason: "closed"; readonly cause?: undefined }
  /** By the signal; `cause` is its reason. */
  | { readonly reason: "aborted"; readonly cause: unknown }
  /** Nothing came, or coming back is senseless or forbidden. */
  | { readonly reason: "gave-up"; readonly cause: EventStreamError };

/** What differs from platform to platform. */
export interface Platform<Message = ParsedMessage> {
  createParser(this: void, handlers: ParserHandlers, limits: ParserLimits): Parser;
  /** What the application gets of a message, or nothing; an error ends the connection. Default: the message. */
  decode?:
    | ((message: ParsedMessage) => Message | undefined | PromiseLike<Message | undefined>)
    | false
    | undefined;
  /** What the option is when it is not given. @param again - Whether the stream is asked for again when it broke. */
  idleMs(this: void, again: boolean): number | "auto";
  /** Tells of the platform where the transport does not. */
  watch?: NonNullable<Transport["watch"]>;
}
