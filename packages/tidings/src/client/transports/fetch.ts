/**
 * Event streams over fetch: browsers, workers, Node, Bun, Deno.
 * This module is browser compatible.
 */
import { EventStreamError, explain } from "../core/event-stream-error.ts";
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
      const state = { refused: false };
      read(request, options, signal, sink, state).then(
        () => state.refused || signal.aborted || sink.onEnd(),
        (error: unknown) => state.refused || signal.aborted || sink.onError(error),
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
  state: { refused: boolean },
): Promise<void> {
  const url = resolve(request.url);
  const response = await send(url, request, options, signal);
  if (signal.aborted) return;
  if (response.body === undefined) throw unsupported(url, "fetch does not stream here");

  sink.onResponse({
    status: response.status,
    url: response.url || url,
    header: (name) => response.headers.get(name),
    async text() {
      state.refused = true;
      const decoder = new TextDecoder();
      let text = "";
      let left = MAX_TEXT_BYTES;
      await each((chunk) => {
        text += decoder.decode(chunk, { stream: true });
        return (left -= chunk.length) <= 0;
      });
      return text;
    },
  });
  if (!state.refused) await each((chunk) => sink.onBytes(chunk));

  /** Until `take` returns true. */
  async function each(take: (chunk: Uint8Array) => unknown): Promise<void> {
    const reader = response.body?.getReader();
    const cancel = () => void reader?.cancel().catch(() => {});
    // A body that did not come over the network knows nothing of the signal.
    signal.onabort = cancel;
    if (signal.aborted) cancel();
    for (let chunk; (chunk = (await reader?.read())?.value) && !signal.aborted;) {
      if (await take(chunk)) return cancel();
    }
  }
}

function resolve(url: string): string {
  try {
    return absolute(url);
  } catch (cause) {
    throw unmakeable(url, cause);
  }
}

async function send(
  url: string,
  { method, headers, body }: TransportRequest,
  options: FetchTransportOptions,
  signal: AbortSignal,
): Promise<Response> {
  // An application's own fetch may know other protocols, such as those of Electron, Tauri and Capacitor.
  if (!options.fetch && !/^((https?|data|blob):|about:event-stream$)/.test(url)) {
    throw unsupported(url, "its protocol has no event streams");
  }
  const lastEventId = headers["last-event-id"];
  // "Set (`Last-Event-ID`, lastEventIDValue) in request's header list", in UTF-8, which fetch takes as one character a byte.
  try {
    // Where headers take any text, in workerd, the platform encodes it.
    void new Headers([["x", "好"]]);
  } catch {
    // Not spread into one call: that takes fewer arguments than an ID may have bytes.
    const bytes = new TextEncoder().encode(lastEventId);
    if (lastEventId)
      headers["last-event-id"] = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
  const init: RequestInit = { cache: "no-store", ...options.init, method, headers, signal };
  if (body !== undefined) init.body = body as BodyInit;
  if (options.credentials) init.credentials = options.credentials;
  // Workers refuse options that they do not have.
  for (const name of ["cache", "credentials"] as const) {
    if (!(name in (globalThis.Request ?? Object).prototype)) delete init[name];
  }
  try {
    return await (options.fetch || fetch)(url, init);
  } catch (cause) {
    throw whyFailed(cause, url, init, lastEventId);
  }
}

/** To fetch, a request that it cannot make and a refused header are network errors like any other. */
function whyFailed(cause: unknown, url: string, init: RequestInit, lastEventId: string | undefined): unknown {
  const { Request, location } = globalThis as { Request?: typeof globalThis.Request; location?: Location };
  try {
    // Not with the body: a stream can be read once.
    if (Request) void new Request(url, { ...init, ...(init.body !== undefined && { body: "" }) });
  } catch (mistake) {
    return unmakeable(url, mistake);
  }
  return lastEventId && location && new URL(url).origin !== location.origin
    ? new Error(
        `${explain(cause)} (if this is CORS: Access-Control-Allow-Headers must name Last-Event-ID; or set cursorVia)`,
        { cause },
      )
    : cause;
}

/** The URL as it would be requested. @throws {TypeError} If it is relative and there is no page to resolve it against. */
export function absolute(url: string | URL): string {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  return new URL(url, document?.baseURI ?? location?.href).href;
}

/** Of a request that can never be made, so that trying again cannot help. */
function unmakeable(url: string, cause: unknown): EventStreamError {
  const facts = { url, cause, willRetry: false };
  return new EventStreamError("request", `Cannot make the request to ${url}: ${explain(cause)}`, facts);
}

function unsupported(url: string, why: string): EventStreamError {
  return new EventStreamError("unsupported", `Cannot open event stream ${url}: ${why}`, { url });
}

/** As much of the body of a refusal as an error is worth. */
const MAX_TEXT_BYTES = 65_536;
