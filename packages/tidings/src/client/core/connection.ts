/**
 * A connection: the client's end of an event stream over all its attempts, as an application holds it. What can be set, what it
 * offers, and how it ends. open-connection.ts makes one; every platform's `connect` rests on it.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import type { Parser } from "../../wire/parser.ts";
import type { ParserHandlers, ParserLimits } from "../../wire/handlers.ts";
import type { TransportResponse } from "../transports/transport.ts";
import type { SignalLike } from "./abort.ts";
import type { Clock } from "./clock.ts";
import type { EventStreamError } from "./event-stream-error.ts";
import type { ConnectionState, RetryPolicy } from "./reconnect.ts";
import type { Asked, HeadersInput } from "./request.ts";
import type { StatusTable } from "./response.ts";

export interface RetryOptions extends Partial<RetryPolicy> {
  /**
   * Whether a request that may change something (any method but GET, HEAD, OPTIONS and QUERY) is sent again when its stream broke.
   * `"unanswered"`: only while no event stream came back. Default: false, unless there is a `cursor`.
   */
  replay?: boolean | "unanswered";
  /**
   * What to do about a status that is no answer. Default: come back after 408, 425, 429 and 5xx, stop at all others. The entry of a
   * 2xx status is for an answer that is no event stream.
   */
  statuses?: StatusTable;
}

/** What every connection can be told, with whichever features. */
export interface BaseOptions<Message = ParsedMessage> extends ParserLimits {
  /** Default: `"GET"`. */
  method?: string;
  /** A function is called at each attempt, so that a fresh token is used. */
  headers?: Asked<HeadersInput>;
  /** Objects and arrays are sent as JSON. */
  body?: Asked<unknown>;
  /** Ends the connection for good, in any state. */
  signal?: SignalLike;
  /** Where to start: sent as `Last-Event-ID` with the first attempt too. */
  lastEventId?: string;
  /** When to reconnect, or `false` for never. */
  retry?: RetryOptions | false;
  /**
   * How a finite stream ends well: with this event type, or with a message for which this returns `true`. It sees the message before
   * it is decoded. `{ failed: reason }` ends it with the verdict `"failed"`.
   */
  until?: string | ((message: ParsedMessage) => boolean | Failed | undefined | void);
  /** How many messages may wait for handlers or a reader when the transport cannot slow the server down. More end the connection. Default: 1024. */
  maxQueuedMessages?: number;
  /** Time and chance, for tests. */
  clock?: Clock;
  /** Called for each message, of any event type. A promise holds back the next one. */
  onMessage?(this: void, message: Message): unknown;
  /** Called when a response came and is read. */
  onOpen?(this: void, response: TransportResponse): void;
  /** Called when an attempt failed, or a message was invalid. `error.willRetry` says whether another attempt follows. */
  onError?(this: void, error: EventStreamError): void;
  /** Called when the state changed. */
  onState?(this: void, state: ConnectionState): void;
}

/** What `until` returns of a message with which the server says that its answer failed. */
export interface Failed {
  readonly failed: unknown;
}

export interface Connection<Message = ParsedMessage> extends AsyncIterable<Message> {
  readonly state: ConnectionState;
  /**
   * Where another connection would continue, `""` for the start: behind the newest message that was handed on. A message that waits
   * for a reader or a handler does not count.
   */
  readonly lastEventId: string;
  /** Resolves with how the connection ended, once it has. Never rejects. */
  readonly ended: Promise<Verdict>;
  /**
   * Calls `handler` for each message of this event type (`"message"` for those without one). A promise holds back the next message.
   * Messages that come before there is any handler or reader wait for one.
   * @returns A function that removes the handler.
   */
  on<Event extends EventOf<Message>>(
    event: Event,
    handler: (message: MessageNamed<Message, Event>) => unknown,
  ): () => void;
  /** Makes another attempt at once, in place of the current one or the wait, from the last event ID. Does nothing after the end. */
  reconnect(): void;
  /** Final: after it there is no request, no timer and no callback. */
  close(): void;
  /**
   * Messages as they come, for one reader. The next chunk is read from the network when all messages of the last one were taken.
   * Leaving the loop closes the connection. Throws what cut the stream short: an `EventStreamError`, or the signal's reason.
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
  /** The server said that its answer failed: `until` returned `{ failed }`, which is the cause's `cause`. */
  | { readonly reason: "failed"; readonly cause: EventStreamError }
  /** Messages came, but not all. `unfinished` is what had come of the one that was cut off. */
  | {
      readonly reason: "truncated";
      readonly cause: EventStreamError;
      readonly unfinished?: ParsedMessage | undefined;
    }
  /** By `close()`, or by leaving the `for await`. */
  | { readonly reason: "closed"; readonly cause?: undefined }
  /** By the signal; `cause` is its reason. */
  | { readonly reason: "aborted"; readonly cause: unknown }
  /** Nothing came, or reconnecting cannot help or is not allowed. */
  | { readonly reason: "gave-up"; readonly cause: EventStreamError };

/** Makes the parser of a platform. */
export type CreateParser = (handlers: ParserHandlers, limits?: ParserLimits) => Parser;
