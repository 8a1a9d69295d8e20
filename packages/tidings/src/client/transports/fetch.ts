/**
 * Event streams over fetch: browsers, workers, Node, Bun, Deno.
 * This module is browser compatible.
 */
import { EventStreamError } from "../event-stream-error.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** As much of fetch as is used here, so that any implementation fits. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface FetchTransportOptions {
  /** Called instead of the platform's. Default: the global `fetch`, looked up at each request. */
  fetch?: Fetch | undefined;
  /** Default: as the platform has it, `"same-origin"` in browsers. */
  credentials?: RequestCredentials | undefined;
  /** Further options for each request, such as `mode`, `redirect` or a `dispatcher`. */
  init?: RequestInit | undefined;
}

export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  return {
    name: "fetch",
    open(request, sink) {
      const controller = new AbortController();
      const { signal } = controller;
      let refused = false;
      const run = async () => {
        const response = await fetchStream(request, options, signal);
        if (signal.aborted) return;
        sink.onResponse({
          ...response,
          text() {
            refused = true;
            return response.text();
          },
        });
        if (!refused) await response.read((chunk) => sink.onBytes(chunk));
      };
      run().then(
        () => refused || signal.aborted || sink.onEnd(),
        (error: unknown) => refused || signal.aborted || sink.onError(error),
      );
      return controller;
    },
  };
}

/** A response whose body can be read as it comes. */
interface StreamedResponse extends TransportResponse {
  /** Hands over the chunks at the pace of `take`, until that gives `true`. */
  read(take: (chunk: Uint8Array) => unknown): Promise<void>;
  /** The start of a body that is not read, as text. */
  text(): Promise<string>;
}

/** Asks for an event stream. What comes is not judged. */
export async function fetchStream(
  request: TransportRequest,
  options: FetchTransportOptions,
  signal: AbortSignal,
): Promise<StreamedResponse> {
  const { method, headers, body } = request;
  const url = absolute(request.url);
  if (!/^((https?|data|blob):|about:event-stream$)/.test(url)) {
    throw unsupported(url, "its protocol has no event streams");
  }
  const lastEventId = headers["last-event-id"];
  // "Set (`Last-Event-ID`, lastEventIDValue) in request's header list", in UTF-8, which fetch takes as one character a byte.
  try {
    // Where headers take any text, in workerd, the platform encodes it.
    void new Headers([["x", "好"]]);
  } catch {
    if (lastEventId) headers["last-event-id"] = String.fromCharCode(...new TextEncoder().encode(lastEventId));
  }
  const init: RequestInit = { cache: "no-store", ...options.init, method, headers, signal };
  if (body !== undefined) init.body = body as BodyInit;
  if (options.credentials) init.credentials = options.credentials;
  // Workers refuse options that they do not have.
  for (const name of ["cache", "credentials"] as const) {
    if (!(name in (globalThis.Request ?? Object).prototype)) delete init[name];
  }
  const response = await (options.fetch || fetch)(url, init).catch((cause: unknown) => {
    throw lastEventId ? withHint(cause as Error, url) : cause;
  });
  if (response.body === undefined) throw unsupported(url, "fetch does not stream here");
  const streamed: StreamedResponse = {
    status: response.status,
    url: response.url || url,
    header: (name) => response.headers.get(name),
    async text() {
      const decoder = new TextDecoder();
      let text = "";
      let left = MAX_TEXT_BYTES;
      await streamed.read((chunk) => {
        text += decoder.decode(chunk, { stream: true });
        return (left -= chunk.length) <= 0;
      });
      return text;
    },
    async read(take) {
      const reader = response.body?.getReader();
      const cancel = () => void reader?.cancel().catch(() => {});
      // A body that did not come over the network knows nothing of the signal.
      signal.onabort = cancel;
      if (signal.aborted) cancel();
      for (let chunk; (chunk = (await reader?.read())?.value) && !signal.aborted;) {
        if (await take(chunk)) return cancel();
      }
    },
  };
  return streamed;
}

/** The URL as it would be requested. @throws {TypeError} If it is relative and there is no page to resolve it against. */
export function absolute(url: string | URL): string {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  return new URL(url, document?.baseURI ?? location?.href).href;
}

/** To a page, the refusal of a header is a network error like any other. */
function withHint(cause: Error, url: string): Error {
  const { location } = globalThis as { location?: Location };
  return location && new URL(url).origin !== location.origin
    ? new Error(
        `${cause.message} (if this is CORS: Access-Control-Allow-Headers must name Last-Event-ID; or set cursorVia)`,
        {
          cause,
        },
      )
    : cause;
}

function unsupported(url: string, why: string): EventStreamError {
  return new EventStreamError("unsupported", `Cannot open event stream ${url}: ${why}`, { url });
}

/** As much of the body of a refusal as an error is worth. */
const MAX_TEXT_BYTES = 65_536;
