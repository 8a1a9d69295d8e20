/**
 * How a client gets an event stream from its platform: one request, then bytes (or text, or messages) as they come.
 * A transport does not reconnect; the code that opens it does. It runs where there is neither fetch nor
 * AbortController, so it names no platform type.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../wire/message.ts";

export interface TransportRequest {
  url: string;
  /** In capitals. */
  method: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Whatever the platform can send; `undefined` for none. */
  body?: unknown;
}

export interface TransportResponse {
  /** `undefined` where the platform does not say before the end (WeChat's devtools). */
  status: number | undefined;
  /** Where the redirects ended, or the request's URL. */
  url: string;
  /** A header's value, or `null`. @param name - In lower case. */
  header(name: string): string | null;
}

/** Whom a transport tells. After `onEnd`, `onError` or `abort()` it tells nothing more. */
export interface TransportSink {
  /** Once, before anything else. A promise: as for `onBytes`, since the reader may be behind from the attempt before. */
  onResponse(response: TransportResponse): void | PromiseLike<void>;
  /** The next chunk, cut anywhere. A promise: the reader is behind, and a transport that can should read no further until it settles. */
  onBytes(chunk: Uint8Array): void | PromiseLike<void>;
  /** The next chunk, where the platform has decoded it already. */
  onText?(chunk: string): void | PromiseLike<void>;
  /** The next message, where the platform has parsed it already. */
  onMessage?(message: ParsedMessage): void | PromiseLike<void>;
  /** The response ended as HTTP ends one. */
  onEnd(): void;
  /** No response, or it broke off. A `TransportError` (transport-error.ts) where the transport can say which. */
  onError(error: unknown): void;
}

/** What a platform reports besides the request. Each may come late, twice or never. */
export interface PlatformSignals {
  /** The program left the screen: from now on the platform may freeze timers, kill requests and refuse new ones. */
  onHide(): void;
  /**
   * It is back, after any time: read the clock instead of relying on timers.
   * @param interrupted - It was away for so long that the platform has killed what was open, whether it says so or not.
   */
  onShow(interrupted: boolean): void;
  /**
   * The network is there or not. `true` again after `true`: it is another one, and what was open over the old one is dead.
   * @param isCache - It is the browser's cache of pages that takes this one out of the network, or gives it back: nothing may stay open.
   */
  onNetwork(online: boolean, isCache?: boolean): void;
  /** The program was frozen by its platform, and runs again. */
  onThaw?(): void;
  /** The program is about to be left for good. Its requests may break before it is. */
  onLeave?(): void;
}

export interface Transport {
  /** Shown in traces and errors: `"fetch"`, `"wx"`. */
  readonly name: string;
  /** Starts the request, and never throws: what goes wrong goes to `sink.onError`, later. */
  open(request: TransportRequest, sink: TransportSink): { abort(): void };
  /** Tells of the platform from now on, where it can. @returns How to stop, for when the connection ends. */
  watch?(signals: PlatformSignals): () => void;
}
