/**
 * Opens a connection over fetch with the features that are given, in browsers and in every runtime that has fetch.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import { createParser } from "../parser.ts";
import { type FetchTransportOptions, fetchTransport } from "../transports/fetch.ts";
import type { Transport } from "../transports/transport.ts";
import type { BaseOptions, Connection as BaseConnection } from "./connection.ts";
import type { Feature } from "./feature.ts";
import { openConnection } from "./open-connection.ts";
import type { Asked } from "./request.ts";

/** The messages of a connection with these features: what the decoding one makes of them, or as they came. */
export type MessageWith<Features extends readonly Feature<unknown>[]> = [
  DecodedBy<Features[number]>,
] extends [never]
  ? ParsedMessage
  : DecodedBy<Features[number]>;
type DecodedBy<One> = One extends Feature<infer Message> ? Exclude<Message, undefined> : never;

export interface CoreOptions<Message = ParsedMessage> extends BaseOptions<Message>, FetchTransportOptions {
  retry?: false | undefined;
  /** How to get the bytes of the stream. Default: fetch. */
  transport?: Transport | undefined;
}

export interface Connection<Message = ParsedMessage> extends BaseConnection<Message>, ClosedByUsing {}

/** Closes the connection, for `await using`. Nothing to a program whose `lib` has no `Symbol.asyncDispose`. */
type ClosedByUsing = SymbolConstructor extends { readonly asyncDispose: infer Key extends symbol }
  ? { [Method in Key]: () => Promise<void> }
  : object;

/**
 * Opens an event stream and keeps it open.
 * @param url - Absolute, or relative to the page. A function is called at each attempt.
 * @throws {TypeError} If an option makes no sense.
 */
export function connect<const Features extends readonly Feature<unknown>[] = readonly []>(
  url: Asked<string | URL>,
  options: CoreOptions<MessageWith<Features>> & { use?: Features } = {},
): Connection<MessageWith<Features>> {
  const { transport, use = [] } = options;
  const connection = openConnection<MessageWith<Features> & { readonly event: string }>(
    url,
    transport || fetchTransport(options),
    options,
    use,
    createParser,
  );
  return Object.defineProperty(connection, Symbol.asyncDispose, {
    value: async () => connection.close(),
  }) as unknown as Connection<MessageWith<Features>>;
}
