/**
 * How a client gets an event stream from its platform: one request, then bytes (or text, or messages) as they come.
 * A transport knows nothing of reconnecting; whoever opens it does. It runs where there is neither fetch nor
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
  /** The start of the body of a refusal, for an error that helps; at most 64 KiB of it. */
  text?(): PromiseLike<string>;
}

/** Whom a transport tells. After `onEnd`, `onError` or `abort()` it tells nothing more. */
export interface TransportSink {
  /** Once, before anything else. */
  onResponse(response: TransportResponse): void;
  /** The next chunk, cut anywhere. A promise: the reader is behind, and a transport that can should read no further until it settles. */
  onBytes(chunk: Uint8Array): void | PromiseLike<void>;
  /** The next chunk, where the platform has decoded it already. */
  onText?(chunk: string): void | PromiseLike<void>;
  /** The next message, where the platform has parsed it already. */
  onMessage?(message: ParsedMessage): void | PromiseLike<void>;
  /** The response ended as HTTP ends one. */
  onEnd(): void;
  /** No response, or it broke off. */
  onError(error: unknown): void;
}

export interface Transport {
  /** Shown in traces and errors: `"fetch"`, `"wx"`. */
  readonly name: string;
  /** Starts the request, and never throws: what goes wrong goes to `sink.onError`, later. */
  open(request: TransportRequest, sink: TransportSink): { abort(): void };
}
