/**
 * Opens a connection over fetch, in browsers and in every runtime that has it.
 * This module is browser compatible.
 */
// Whoever has an older `lib` would be told that Symbol.asyncDispose is not there.
/// <reference lib="esnext.disposable" preserve="true" />
import type { EventSchemas } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { createParser } from "../wire/parser.ts";
import type { Connection as BaseConnection, ConnectionOptions } from "./connection.ts";
import { type DecodedMessage, decoder, type MessageOf } from "./decode.ts";
import { openConnection } from "./open-connection.ts";
import type { Asked } from "./request.ts";
import { absolute, type FetchTransportOptions, fetchTransport } from "./transports/fetch.ts";
import type { Transport } from "./transports/transport.ts";
import { watchPage } from "./watch-page.ts";

export interface ConnectOptions<Message = ParsedMessage>
  extends ConnectionOptions<Message>, FetchTransportOptions {
  /** Whether each message's data is JSON, and decoded. Default false, unless there are `events`. */
  json?: boolean;
  /**
   * Event types and the schema of their data: any Standard Schema, so Zod's, Valibot's, ArkType's. Data is decoded as JSON and
   * checked; a schema that takes the text as it came gets that. Other event types are passed over.
   */
  events?: EventSchemas;
  /** What becomes of a message whose data is not what was expected; `onError` is told of each. Default `"skip"`. */
  invalid?: "skip" | "emit" | "throw";
  /** Another way to get the bytes than fetch. */
  transport?: Transport;
}

export interface Connection<Message = ParsedMessage> extends BaseConnection<Message> {
  /** The messages as a stream, for one reader, as in `for await`. */
  readonly readable: ReadableStream<Message>;
  /** Closes, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens an event stream and keeps it open.
 * @param url - Absolute, or relative to the page. A function is asked at each attempt.
 * @throws {TypeError} If `url` or an option makes no sense.
 */
export function connect<const Events extends EventSchemas>(
  url: Asked<string | URL>,
  options: ConnectOptions<MessageOf<Events>> & { events: Events },
): Connection<MessageOf<Events>>;
export function connect<Data = unknown>(
  url: Asked<string | URL>,
  options: ConnectOptions<DecodedMessage<string, Data>> & { json: true; events?: undefined },
): Connection<DecodedMessage<string, Data>>;
export function connect(url: Asked<string | URL>, options?: ConnectOptions): Connection;
export function connect(
  url: Asked<string | URL>,
  options: ConnectOptions<never> = {},
): Connection<DecodedMessage> {
  const { transport, json, events } = options;
  if (!transport && typeof url !== "function") {
    try {
      absolute(url);
    } catch (cause) {
      throw new TypeError(
        `Cannot connect: url is ${JSON.stringify(url)}, expected an absolute one, since there is no page to resolve it against`,
        { cause },
      );
    }
  }
  const connection = openConnection<DecodedMessage>(
    url as Asked<string>,
    transport || fetchTransport(options),
    options,
    {
      createParser,
      decode: (json || events) && decoder(options),
      // What thinks before it speaks may be silent for long; asking for it twice is worse than waiting.
      idleMs: (again) => (again ? "auto" : 0),
      watch: watchPage,
    },
  );
  let readable: ReadableStream<DecodedMessage> | undefined;
  return Object.defineProperties(connection, {
    readable: { get: () => (readable ??= asReadable(connection)) },
    [Symbol.asyncDispose]: { value: async () => connection.close() },
  }) as Connection<DecodedMessage>;
}

function asReadable<Message>(connection: BaseConnection<Message>): ReadableStream<Message> {
  const iterator = connection[Symbol.asyncIterator]();
  return new ReadableStream<Message>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => connection.close(),
    },
    // Nothing is read ahead of whoever reads this.
    { highWaterMark: 0 },
  );
}
