/**
 * Opens a connection over a mini program's own request.
 * This module is browser compatible.
 */
import type { BaseOptions, Connection } from "../client/core/connection.ts";
import { openConnection } from "../client/core/open-connection.ts";
import type { Asked } from "../client/core/request.ts";
import { followPlatform, type WhenHidden, type WhenOffline } from "../client/features/page.ts";
import { type SharedOptions, sharedFeatures } from "../client/shared-features.ts";
import type { Transport } from "../client/transports/transport.ts";
import { createUtf8Decoder } from "../wire/utf8.ts";
import { createParser } from "./parser.ts";

export interface ConnectOptions extends Omit<BaseOptions, "retry">, SharedOptions {
  /** How to get the bytes: `fromWx(wx)`, `fromTaro(Taro)`, or one of your own. */
  transport: Transport;
  /**
   * What to do while the program is hidden: `"keep"` the stream as long as the host does, or `"pause"` it, at once or after a number
   * of milliseconds. When the program is visible again, the stream continues from the last event ID. Requests that are not repeated
   * are kept. Default: `"keep"`.
   */
  whenHidden?: WhenHidden | undefined;
  /**
   * What to do when the host reports that it is offline. `"keep"`: a stream is kept while it receives data, and attempts continue, one
   * every 30 seconds. `"pause"`: everything stops until the host is online. Default: `"keep"`.
   */
  whenOffline?: WhenOffline | undefined;
}

/**
 * Opens an event stream and keeps it open: over broken connections, the host's timeout, the background and a changed network.
 * Call `close()` when the page unloads: an open stream holds one of the ten requests that a mini program may make at once.
 * @param url - Absolute; the host has no page to resolve it against. A function is called before each attempt.
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
  const features = [
    // On iOS nothing tells a mini program that its connection broke; a request that is not repeated may take its time.
    ...sharedFeatures(options, (canRepeat) => (canRepeat ? 45_000 : 120_000), createDecode),
    followPlatform(options.whenHidden, options.whenOffline),
  ];
  return openConnection(url, options.transport, options, features, createParser);
}

function createDecode(): (bytes: Uint8Array) => string {
  const decoder = createUtf8Decoder();
  return (bytes) => decoder.decode(bytes);
}
