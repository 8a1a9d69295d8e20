/**
 * Opens a connection over fetch, in browsers and in every runtime that has it.
 * This module is browser compatible.
 */
import { createParser } from "../wire/parser.ts";
import { type Connection, type ConnectionOptions, createConnection } from "./connection.ts";
import type { Clock } from "./keep-open.ts";
import type { Asked } from "./request.ts";
import { absolute, type FetchTransportOptions, fetchTransport } from "./transports/fetch.ts";
import type { Transport } from "./transports/transport.ts";

export interface ConnectOptions extends ConnectionOptions, FetchTransportOptions {
  /** Another way to get the bytes than fetch. */
  transport?: Transport;
  /** Time and chance, for tests. */
  clock?: Clock;
}

/**
 * Opens an event stream and keeps it open.
 * @param url - Absolute, or relative to the page. A function is asked at each attempt.
 * @throws {TypeError} If `url` or an option makes no sense.
 */
export function connect(url: Asked<string | URL>, options: ConnectOptions = {}): Connection {
  const { transport = fetchTransport(options), clock } = options;
  if (typeof url !== "function" && !options.transport) {
    try {
      absolute(url);
    } catch (cause) {
      throw new TypeError(
        `Cannot connect: url is ${JSON.stringify(url)}, expected an absolute URL, since there is no page to resolve it against`,
        { cause },
      );
    }
  }
  return createConnection(url as Asked<string>, options, {
    transport,
    createParser,
    ...(clock && { clock }),
  });
}
