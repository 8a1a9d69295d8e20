/**
 * A `fetch` over `exchange`, for `connect`: it hands out every chunk as it came before anybody parses it, has no time limit of its
 * own (Node's ends a body after 300 seconds of silence), and follows redirects as the Fetch standard does.
 */
import type { Fetch } from "../../client/index.ts";
import { exchange, type ExchangeEnd, type ExchangeHead, type ExchangeRequest } from "./exchange.ts";
import { locationOf, redirected } from "./redirect.ts";

export interface FetchTap {
  onRequest?(url: string, headers: Readonly<Record<string, string>>): void;
  onRedirect?(status: number, to: string): void;
  onHead?(head: ExchangeHead, url: string): void;
  /** @returns A promise to hold the server back until it fulfils. */
  onChunk?(bytes: Uint8Array, atMs: number): void | Promise<void>;
  onEnd?(how: ExchangeEnd, error?: Error): void;
}

const MOST_REDIRECTS = 10;
const BODILESS = new Set([101, 204, 205, 304]);

export function exchangeFetch(
  base: Pick<ExchangeRequest, "protocol" | "insecure">,
  tap: FetchTap = {},
): Fetch {
  return async (url, init) => {
    let request: ExchangeRequest = {
      ...base,
      url,
      method: init.method ?? "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      body: init.body as string | Uint8Array | undefined,
    };
    for (let hop = 0; ; hop++) {
      const result = await open(request, init.signal ?? undefined, tap);
      const location = result.redirect;
      if (location === undefined) return result.response;
      if (hop === MOST_REDIRECTS) throw new Error(`more than ${MOST_REDIRECTS} redirects`);
      request = redirected(request, result.response.status, location);
      tap.onRedirect?.(result.response.status, request.url);
    }
  };
}

interface Opened {
  readonly response: Response;
  readonly redirect?: string | undefined;
}

function open(request: ExchangeRequest, signal: AbortSignal | undefined, tap: FetchTap): Promise<Opened> {
  tap.onRequest?.(request.url, request.headers);
  return new Promise((resolve, reject) => {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    let answered = false;
    const leave = (): void => {
      running.close();
      const error = new DOMException("This operation was aborted", "AbortError");
      if (!answered) reject(error);
      else fail(error);
    };
    const fail = (error: unknown): void => {
      try {
        controller.error(error);
      } catch {
        // It was closed, or cancelled, before.
      }
    };
    const body = new ReadableStream<Uint8Array>(
      {
        start: (given) => void (controller = given),
        pull: () => running.resume(),
        cancel: () => running.close(),
      },
      { highWaterMark: 1 },
    );
    const running = exchange(request, {
      onHead(head) {
        answered = true;
        // `Response` takes no other; fetch calls it a network error too.
        if (head.status < 200 || head.status > 599) {
          running.close();
          return reject(new TypeError(`status is ${head.status}, expected one from 200 to 599`));
        }
        const redirect = locationOf(head);
        if (redirect === undefined) tap.onHead?.(head, request.url);
        else running.close();
        const headers = new Headers();
        for (const [name, value] of head.headers) headers.append(name, value);
        const init = { status: head.status, headers };
        const response = new Response(
          BODILESS.has(head.status) || redirect !== undefined ? null : body,
          init,
        );
        Object.defineProperty(response, "url", { value: request.url });
        resolve({ response, redirect });
      },
      onChunk(bytes, atMs) {
        const held = tap.onChunk?.(bytes, atMs);
        // A stream cannot queue a chunk that its source may use again.
        controller.enqueue(new Uint8Array(bytes));
        if (held) {
          running.pause();
          void held.then(() => (controller.desiredSize ?? 0) > 0 && running.resume());
        } else if ((controller.desiredSize ?? 0) <= 0) running.pause();
      },
      onEnd(how, error) {
        signal?.removeEventListener("abort", leave);
        if (!answered) return reject(error ?? new Error("no answer"));
        tap.onEnd?.(how, error);
        if (how === "cut") return fail(error);
        try {
          controller.close();
        } catch {
          // The reader has left.
        }
      },
    });
    signal?.addEventListener("abort", leave);
    if (signal?.aborted === true) leave();
  });
}
