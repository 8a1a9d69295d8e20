/**
 * Opens a connection over a mini program's own request.
 * This module is browser compatible.
 */
import type { Connection, ConnectionOptions } from "../client/connection.ts";
import { openConnection } from "../client/open-connection.ts";
import type { Asked } from "../client/request.ts";
import type { Transport } from "../client/transports/transport.ts";
import { createParser } from "./parser.ts";

export interface ConnectOptions extends ConnectionOptions {
  /** How to get the bytes: `fromWx(wx)`, `fromTaro(Taro)`, or one of your own. */
  transport: Transport;
}

/**
 * Opens an event stream and keeps it open: over broken connections, the host's timeout, the background and a changed network.
 * Call `close()` when the page unloads: an open stream holds one of the ten requests that a mini program may make at once.
 * @param url - Absolute; the host has no page to resolve it against. A function is asked at each attempt.
 * @throws {TypeError} If `url` or an option makes no sense.
 */
export function connect(url: Asked<string>, options: ConnectOptions): Connection {
  if (!options || !options.transport || typeof options.transport.open !== "function") {
    throw new TypeError("Cannot connect: there is no transport, expected fromWx(wx) or fromTaro(Taro)");
  }
  if (typeof url !== "function" && !/^https?:\/\//i.test(url)) {
    throw new TypeError(
      `Cannot connect: url is ${JSON.stringify(url)}, expected one that starts with https://`,
    );
  }
  return openConnection(url, options.transport, options, {
    createParser,
    // Nobody tells a mini program on iOS that its connection broke; an answer that is asked for once may take its time.
    idleMs: (again) => (again ? 45_000 : 120_000),
  });
}
