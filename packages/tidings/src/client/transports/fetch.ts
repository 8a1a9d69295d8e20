/**
 * Event streams over fetch: browsers, workers, Node, Bun, Deno.
 * This module is browser compatible.
 */
import { TransportError } from "./transport-error.ts";
import type { Transport } from "./transport.ts";

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

/** The URL of what was not fetched from anywhere. */
export const STREAM_URL = "about:event-stream";

export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  return {
    name: "fetch",
    open({ url, method, headers, body }, sink) {
      const controller = new AbortController();
      let over = false;
      let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
      read().then(
        () => over || sink.onEnd(),
        (error: unknown) => over || sink.onError(error),
      );
      return {
        abort() {
          over = true;
          controller.abort();
          // A body that did not come over the network knows nothing of the signal.
          reader?.cancel().catch(() => {});
        },
      };

      async function read(): Promise<void> {
        const target = absolute(url);
        if (!/^(https?|data|blob):/.test(target) && target !== STREAM_URL) {
          throw new TransportError(
            "unsupported",
            `${target.split(":")[0]}: is not a protocol of event streams`,
          );
        }
        const lastEventId = headers["last-event-id"];
        if (lastEventId) headers["last-event-id"] = asBytes(lastEventId);
        const init: RequestInit = { ...options.init, method, headers, signal: controller.signal };
        if (body !== undefined) init.body = body as BodyInit;
        // Workers refuse options that they do not have.
        if (has("cache")) init.cache ??= "no-store";
        if (options.credentials && has("credentials")) init.credentials = options.credentials;
        const response = await (options.fetch || fetch)(target, init).catch((cause: unknown) => {
          throw lastEventId && isElsewhere(target) ? withHint(cause) : cause;
        });
        if (over) return;
        reader = response.body?.getReader();
        if (!reader && response.body === undefined) {
          throw new TransportError("unsupported", "fetch does not stream here");
        }
        const { status, headers: received } = response;
        sink.onResponse({
          status,
          url: response.url || target,
          header: (name) => received.get(name),
          text() {
            over = true;
            return excerpt(reader);
          },
        });
        while (reader && !over) {
          const { done, value } = await reader.read();
          if (over || done) return;
          await sink.onBytes(value);
        }
      }
    },
  };
}

/** The URL as it would be requested. @throws {TypeError} If it is relative and there is no page to resolve it against. */
export function absolute(url: string | URL): string {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  return new URL(url, document?.baseURI ?? location?.href).href;
}

/** To a page, the refusal of a header is a network error like any other. */
function withHint(cause: unknown): TransportError {
  const hint =
    "if it is there, does it allow this origin the header Last-Event-ID? Access-Control-Allow-Headers must name it; cursorVia can send it another way";
  return new TransportError("network", `${(cause as Error).message} (${hint})`, cause);
}

function isElsewhere(url: string): boolean {
  const { location } = globalThis as { location?: Location };
  return !!location && new URL(url).origin !== location.origin;
}

/** "Set (`Last-Event-ID`, lastEventIDValue) in request's header list", in UTF-8, which fetch takes as one character a byte. */
function asBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function has(option: "cache" | "credentials"): boolean {
  return typeof Request === "function" && option in Request.prototype;
}

const MAX_EXCERPT_BYTES = 65_536;

async function excerpt(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; reader && bytes < MAX_EXCERPT_BYTES;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
