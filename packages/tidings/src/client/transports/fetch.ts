/**
 * Event streams over fetch: browsers, workers, Node, Bun, Deno.
 * This module is browser compatible.
 */
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { EventStreamError, explain, streamError } from "../core/event-stream-error.ts";
import { withCorsHint } from "../development.ts";
import type { Transport, TransportRequest, TransportSink } from "./transport.ts";

/** As much of fetch as is used here, so that any implementation fits. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface FetchTransportOptions {
  /** Called instead of the platform's. Default: the global `fetch`, looked up at each request. */
  fetch?: Fetch | undefined;
  /** Default: the platform's, `"same-origin"` in browsers. */
  credentials?: "include" | "omit" | "same-origin" | undefined;
  /** Further options for each request, such as `mode`, `redirect` or a `dispatcher`. */
  init?: RequestInit | undefined;
}

export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  return {
    name: "fetch",
    open(request, sink) {
      const controller = new AbortController();
      const { signal } = controller;
      read(request, options, signal, sink).then(
        () => signal.aborted || sink.onEnd(),
        (error: unknown) => signal.aborted || sink.onError(error),
      );
      return controller;
    },
  };
}

/** Makes the request, and hands over its response and its chunks at the pace of the sink. */
async function read(
  request: TransportRequest,
  options: FetchTransportOptions,
  signal: AbortSignal,
  sink: TransportSink,
): Promise<void> {
  const response = await send(request, options, signal);
  const { body, headers, status, url } = response;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  // A body that did not come over the network knows nothing of the signal.
  const cancel = () => tell(ignore, () => (reader || body!).cancel());
  if (signal.aborted) return cancel();
  // Of a platform whose fetch does not stream, or of an application's own, as node-fetch's body is.
  if (body !== null && typeof body?.getReader !== "function")
    throw streamError("unsupported", request.url, "cannot be read: fetch gave no ReadableStream");
  signal.onabort = cancel;
  await sink.onResponse({ status, url: url || request.url, header: (name) => headers.get(name) });
  reader = signal.aborted ? undefined : body?.getReader();
  for (let read; reader && !(read = await reader.read()).done && !signal.aborted;)
    await sink.onBytes(read.value);
}

async function send(
  request: TransportRequest,
  options: FetchTransportOptions,
  signal: AbortSignal,
): Promise<Response> {
  const { method, headers, body } = request;
  const lastEventId = headers["last-event-id"];
  if (lastEventId) headers["last-event-id"] = asHeader(lastEventId);
  const init: RequestInit = { cache: "no-store", ...options.init, method, headers, signal };
  if (body !== undefined) init.body = body as BodyInit;
  if (options.credentials) init.credentials = options.credentials;
  // Workers refuse options that they do not have.
  for (const name of ["cache", "credentials"] as const) {
    if (!(name in (globalThis.Request ?? Object).prototype)) delete init[name];
  }
  try {
    request.url = absolute(request.url);
    return await (options.fetch || fetch)(request.url, init);
  } catch (cause) {
    throw whyFailed(cause, request.url, init, options);
  }
}

/** "Set (`Last-Event-ID`, lastEventIDValue) in request's header list", in UTF-8, which fetch takes as one character a byte. */
function asHeader(lastEventId: string): string {
  try {
    // Where headers take any text, in workerd, the platform encodes it.
    void new Headers([["x", "好"]]);
    return lastEventId;
  } catch {
    // Not spread into one call: that takes fewer arguments than an ID may have bytes.
    return Array.from(new TextEncoder().encode(lastEventId), (byte) => String.fromCharCode(byte)).join("");
  }
}

/** To fetch, a request that it cannot make and a refused header are network errors like any other. */
function whyFailed(cause: unknown, url: string, init: RequestInit, options: FetchTransportOptions): unknown {
  try {
    // Not with the body: a stream can be read once.
    void new Request(url, { ...init, ...(init.body !== undefined && { body: "" }) });
  } catch (mistake) {
    // Trying again cannot help, where it is not for want of the class.
    if (globalThis.Request) {
      const facts = { url, cause: mistake, willRetry: false };
      return new EventStreamError("request", `Cannot make the request to ${url}: ${explain(mistake)}`, facts);
    }
  }
  // An application's own fetch may know other protocols, such as those of Electron, Tauri and Capacitor.
  if (!options.fetch && !/^(https?|data|blob):/.test(url))
    return streamError("unsupported", url, "cannot be read: its protocol has no event streams");
  try {
    if (process.env.NODE_ENV !== "production") return withCorsHint(cause, url, init);
  } catch {}
  return cause;
}

/** The URL as it would be requested. @throws {TypeError} If it is relative and there is no page to resolve it against. */
export function absolute(url: string | URL): string {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  return new URL(url, document?.baseURI ?? location?.href).href;
}

/** Where there is one: Node, and what a bundler puts in its place. */
declare const process: { readonly env: { readonly NODE_ENV?: string } };
