/**
 * A connection: the client's end of an event stream over all its attempts, as an application holds it. What can be set, what it
 * offers, and how it ends. open-connection.ts makes one; every platform's `connect` rests on it.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import type { Parser } from "../../wire/parser.ts";
import type { ParserHandlers, ParserLimits } from "../../wire/handlers.ts";
import type { TransportResponse } from "../transports/transport.ts";
import type { SignalLike } from "../../guard/abort.ts";
import type { Clock } from "./clock.ts";
import type { EventStreamError } from "./event-stream-error.ts";
import type { ConnectionState } from "./reconnect.ts";
import type { Asked, HeadersInput } from "./request.ts";

/** The options of every connection, with any features. */
export interface BaseOptions<Message = ParsedMessage> extends ParserLimits {
  /** Default: `"GET"`. */
  method?: string | undefined;
  /** Request headers. A function is called at each attempt, for example to get a new token. Default: none. */
  headers?: Asked<HeadersInput> | undefined;
  /** The request's body. Objects and arrays are sent as JSON. Default: none. */
  body?: Asked<unknown>;
  /** Ends the connection, in any state. Default: none. */
  signal?: SignalLike | undefined;
  /** The cursor to start from, sent as `Last-Event-ID` with the first attempt. Default: none. */
  lastEventId?: string | undefined;
  /** `false` for never to reconnect. Default: after a growing, random wait. */
  retry?: object | false | undefined;
  /**
   * The number of messages that may wait for handlers or the loop, if the transport cannot slow the server down. More end the
   * connection. Default: 1024. At most 2 MiB for messages of 1 kB; for large ones, see `maxQueuedBytes`.
   */
  maxQueuedMessages?: number | undefined;
  /**
   * Bytes of these messages, at 2 for each character of `data`. Where as many wait already, one more message ends the connection.
   * Default: 33,554,432 (32 MiB). At most 64 MiB, with the message that goes beyond it.
   */
  maxQueuedBytes?: number | undefined;
  /** Time and random numbers, for tests. Default: the platform's. */
  clock?: Clock | undefined;
  /** Called for each message, of any event type. If it returns a promise, the next message waits for it. */
  onMessage?: ((this: void, message: Message) => unknown) | undefined;
  /** Called when an event stream has opened. */
  onOpen?: ((this: void, response: TransportResponse) => void) | undefined;
  /** Called when an attempt failed, or a message was invalid. `error.willRetry` is whether another attempt follows. */
  onError?: ((this: void, error: EventStreamError) => void) | undefined;
  /** Called when the state changed. */
  onState?: ((this: void, state: ConnectionState) => void) | undefined;
}

export interface Connection<Message = ParsedMessage> extends AsyncIterable<Message> {
  readonly state: ConnectionState;
  /**
   * The id of the newest message that was delivered, from which another connection would continue; `""` for the start. A message that
   * still waits for the loop or a handler does not count.
   */
  readonly lastEventId: string;
  /** Resolves with the verdict when the connection has ended. Never rejects. */
  readonly ended: Promise<Verdict>;
  /**
   * Calls `handler` for each message of this event type (`"message"` for those without one). If it returns a promise, the next message
   * waits for it. Messages that arrive before there is a handler or a loop wait for one.
   * @returns A function that removes the handler.
   */
  on<Event extends EventOf<Message>>(
    event: Event,
    handler: (message: MessageNamed<Message, Event>) => unknown,
  ): () => void;
  /** Makes another attempt at once, from the last event ID, instead of the current one or the wait. Does nothing after the end. */
  reconnect(): void;
  /** Closes the connection. After that there is no request, no timer and no callback. */
  close(): void;
  /**
   * The messages, for one `for await` loop. The next chunk is read from the network after the loop has got all messages of the last
   * one. Leaving the loop closes the connection. Throws if the stream is incomplete: an `EventStreamError`, or the signal's reason.
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
