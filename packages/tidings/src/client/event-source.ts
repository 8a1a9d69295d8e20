/**
 * The standard's `EventSource`, wherever it is missing or too small: the same class and the same rules, and requests that can
 * carry headers and a body.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 * This module is browser compatible.
 */
import { createParser } from "../wire/parser.ts";
import {
  asEventStreamError,
  type EventStreamError,
  type EventStreamErrorCode,
  streamError,
} from "./event-stream-error.ts";
import { delayMs } from "./reconnect.ts";
import { judgeResponse, quoteBody, REFUSAL_BODY_MS } from "./refusal.ts";
import { type Asked, type HeadersInput, makeRequest, mayReplay } from "./request.ts";
import { absolute, type Fetch, fetchStream } from "./transports/fetch.ts";

/** `withCredentials` is the standard's; the rest is ours. */
export interface EventSourceInit {
  /** Whether another origin is sent the cookies that belong to it. Default false: only the page's own origin is. */
  withCredentials?: boolean;
  /** Sent with each attempt; a function is asked at each. */
  headers?: Asked<HeadersInput>;
  /** Default `"GET"`. The stream of a method that may change something is not asked for again when it ends: it closes. */
  method?: string;
  /** Objects and arrays are sent as JSON. */
  body?: Asked<unknown>;
  /** Called instead of the platform's. */
  fetch?: Fetch;
}

type Handler<E extends Event> = ((this: EventSource, event: E) => unknown) | null;

/** An `error` event: as the standard fires it, and why. */
export interface EventSourceErrorEvent extends Event {
  readonly error?: EventStreamError;
}

/** The platform's EventTarget, with listeners typed as for its own EventSource. Where there is none, `connect` can be used all the same. */
const Target = (globalThis.EventTarget ?? Object) as new () => EventSourceTarget;

export interface EventSourceTarget extends EventTarget {
  addEventListener(type: "open", listener: (event: Event) => unknown, options?: ListenerOptions): void;
  addEventListener(
    type: "error",
    listener: (event: EventSourceErrorEvent) => unknown,
    options?: ListenerOptions,
  ): void;
  addEventListener(type: string, listener: (event: MessageEvent) => unknown, options?: ListenerOptions): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: ListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: (event: MessageEvent) => unknown,
    options?: ListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: ListenerOptions,
  ): void;
}

type ListenerOptions = boolean | AddEventListenerOptions;

interface Listener {
  (event: Event): unknown;
  handle?: unknown;
}

export class EventSource extends Target {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSED: 2;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSED: 2;
  declare onopen: Handler<Event>;
  declare onmessage: Handler<MessageEvent>;
  declare onerror: Handler<EventSourceErrorEvent>;

  static {
    const { prototype } = this;
    const define = (target: object, name: PropertyKey, property?: PropertyDescriptor) =>
      Object.defineProperty(target, name, { enumerable: true, ...property });
    for (const target of [this, prototype]) {
      ["CONNECTING", "OPEN", "CLOSED"].forEach((name, value) => define(target, name, { value }));
    }
    // A class hides what Web IDL shows.
    for (const name of ["url", "withCredentials", "readyState", "close"]) define(prototype, name);
    define(prototype, Symbol.toStringTag, { value: "EventSource", enumerable: false, configurable: true });
    for (const type of ["open", "message", "error"]) {
      define(prototype, `on${type}`, {
        configurable: true,
        get(this: EventSource) {
          return this.#handlers[type]?.handle ?? null;
        },
        set(this: EventSource, handle: unknown) {
          const known = this.#handlers[type];
          if (Object(handle) !== handle) {
            this.removeEventListener(type, known ?? null);
            delete this.#handlers[type];
          } else if (known) {
            // It keeps its place among the listeners, as the standard has it.
            known.handle = handle;
          } else {
            const listener: Listener = (event) =>
              typeof listener.handle === "function" && listener.handle.call(this, event);
            listener.handle = handle;
            this.#handlers[type] = listener;
            if (!callsHandlers()) this.addEventListener(type, listener);
          }
        },
      });
    }
  }

  /** What `onopen` and the like stand for among the listeners. */
  readonly #handlers: { [type: string]: Listener } = {};
  readonly #url: string;
  readonly #withCredentials: boolean;
  #readyState: 0 | 1 | 2 = 0;
  /** Ends what is under way: the attempt, or the wait for the next. */
  #stop!: () => void;

  /**
   * @param url - Absolute, or relative to the page or the worker.
   * @throws {DOMException} `SyntaxError` if `url` cannot be resolved.
   */
  constructor(url: string | URL, init: EventSourceInit | null = {}) {
    super();
    if (arguments.length === 0 || (init !== null && Object(init) !== init)) {
      throw new TypeError("Cannot construct EventSource: expected a URL, and an object if anything else");
    }
    try {
      this.#url = absolute(url);
    } catch {
      throw new DOMException(
        `Cannot construct EventSource: url is "${url}", expected one that can be resolved`,
        "SyntaxError",
      );
    }
    const { withCredentials, headers, body, fetch, method: given = "GET" } = init || {};
    const method = given.toUpperCase();
    this.#withCredentials = !!withCredentials;
    const credentials = withCredentials ? "include" : "same-origin";
    let origin = "";
    let failures = 0;
    let reconnectionTimeMs = 0;
    const parser = createParser({
      onMessage: ({ event, data, id }) => {
        this.dispatchEvent(new MessageEvent(event, { data, origin, lastEventId: id }));
      },
      onRetry(ms) {
        reconnectionTimeMs = ms;
      },
    });

    const attempt = async () => {
      const controller = new AbortController();
      const { signal } = controller;
      let timer: ReturnType<typeof setTimeout>;
      let failing: EventStreamErrorCode = "request";
      let error: EventStreamError | undefined;
      this.#stop = () => {
        controller.abort();
        clearTimeout(timer);
        // The rest of the chunk is not for anyone.
        parser.reset();
      };
      try {
        const request = await makeRequest(this.#url, method, headers, body, parser.lastEventId);
        if (signal.aborted) return;
        failing = "network";
        const response = await fetchStream(request, { fetch, credentials }, signal);
        error = judgeResponse(response);
        if (error) {
          const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, REFUSAL_BODY_MS)));
          quoteBody(error, await Promise.race([response.text(), patience]).catch(() => {}));
        } else if (!signal.aborted) {
          failures = 0;
          origin = new URL(response.url).origin;
          this.#readyState = 1;
          this.dispatchEvent(new Event("open"));
          await response.read(parser.push);
          error = streamError("ended", this.#url, "ended");
        }
      } catch (cause) {
        error = asEventStreamError(cause, failing, this.#url);
      }
      if (signal.aborted) return;
      this.close();
      const { code } = error!;
      if (/^(network|ended)$/.test(code) && mayReplay(method)) {
        failures++;
        // "Reestablish the connection": the state is CONNECTING when its error event fires.
        this.#readyState = 0;
        const askedMs = Math.max(1000, reconnectionTimeMs);
        const doublings = code === "ended" && reconnectionTimeMs > 0 ? failures - 1 : failures;
        timer = setTimeout(() => void attempt(), delayMs(askedMs, doublings, Math.random(), 30_000));
      }
      this.dispatchEvent(Object.assign(new Event("error"), { error }));
    };
    void attempt();
  }

  /**
   * Reads an event stream that the application got by itself; when that ends, so does this, with an `error` event.
   * A proposal that may still change, in no standard yet: https://github.com/whatwg/html/pull/12272
   * @param stream - Of bytes. Cancelled by `close()`.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    const headers = { "content-type": "text/event-stream" };
    // As of a method that is not repeated, since a stream can be read once.
    return new EventSource("about:event-stream", {
      method: "POST",
      fetch: () => Promise.resolve(new Response(stream as BodyInit, { headers })),
    });
  }

  /** Where it connects, resolved. */
  get url(): string {
    return this.#url;
  }

  get withCredentials(): boolean {
    return this.#withCredentials;
  }

  /** 0 `CONNECTING` (also while it waits to return), 1 `OPEN`, 2 `CLOSED`. */
  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** Final: after it there is no request, no timer and no event. */
  close(): void {
    this.#readyState = 2;
    this.#stop();
  }
}

/** Whether the platform itself calls what stands as `onmessage` and the like on any target: workerd does. */
function callsHandlers(): boolean {
  let called = false;
  Object.assign(new EventTarget(), { onx: () => (called = true) }).dispatchEvent(new Event("x"));
  return called;
}
