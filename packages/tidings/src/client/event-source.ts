/**
 * The standard's `EventSource`, wherever it is missing or too small: the same class and the same rules, and requests that can
 * carry headers and a body.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 * This module is browser compatible.
 */
import { createParser } from "../wire/parser.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { type Keeper, keepOpen, systemClock } from "./keep-open.ts";
import { DEFAULT_RETRY } from "./reconnect.ts";
import { judgeResponse } from "./refusal.ts";
import { type Asked, type HeadersInput, mayReplay, requestMaker } from "./request.ts";
import { absolute, type Fetch, fetchTransport, STREAM_URL } from "./transports/fetch.ts";

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

/** The platform's EventTarget, with listeners typed as for its own EventSource. */
const Target = EventTarget as new () => EventSourceTarget;

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

export class EventSource extends Target {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSED: 2;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSED: 2;

  static {
    const { prototype } = this;
    for (const target of [this, prototype]) {
      Object.defineProperties(target, {
        CONNECTING: { value: 0, enumerable: true },
        OPEN: { value: 1, enumerable: true },
        CLOSED: { value: 2, enumerable: true },
      });
    }
    // A class hides what Web IDL shows.
    for (const name of ["url", "withCredentials", "readyState", "onopen", "onmessage", "onerror", "close"]) {
      Object.defineProperty(prototype, name, { enumerable: true });
    }
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "EventSource", configurable: true });
  }

  readonly #url: string;
  readonly #withCredentials: boolean;
  readonly #keeper: Keeper;
  readonly #handlers: { [type: string]: { handle: unknown; listener: (event: Event) => void } } = {};

  /**
   * @param url - Absolute, or relative to the page or the worker.
   * @throws {DOMException} `SyntaxError` if `url` cannot be resolved.
   */
  constructor(url: string | URL, init: EventSourceInit | null = {}) {
    super();
    if (arguments.length === 0)
      throw new TypeError("Cannot construct EventSource: 0 arguments given, expected a URL");
    if (init !== null && typeof init !== "object" && typeof init !== "function") {
      throw new TypeError(`Cannot construct EventSource: init is of type ${typeof init}, expected an object`);
    }
    try {
      this.#url = absolute(url);
    } catch {
      throw new DOMException(
        `Cannot construct EventSource: url is "${url}", expected one that can be resolved`,
        "SyntaxError",
      );
    }
    const { withCredentials, headers, body, fetch } = init || {};
    const method = (init?.method || "GET").toUpperCase();
    this.#withCredentials = !!withCredentials;

    let origin = "";
    let reason: EventStreamError | undefined;
    const fire = (type: string) =>
      this.dispatchEvent(Object.assign(new Event(type), reason && { error: reason }));
    const fail = (error: EventStreamError) => {
      reason = error;
      this.close();
      fire("error");
    };
    this.#keeper = keepOpen({
      transport: fetchTransport({ fetch, credentials: withCredentials ? "include" : "same-origin" }),
      createParser: (handlers) => createParser(handlers),
      clock: systemClock,
      // The standard knows no rapid death: whatever was open returns after the reconnection time.
      policy: { ...DEFAULT_RETRY, healthyMs: 0 },
      request: requestMaker({ url: this.#url, method, headers, body }),
      judge(response) {
        const { status, url } = response;
        if (status !== 200 && status! > 200 && status! < 300) {
          return new EventStreamError(
            "status",
            `Cannot open event stream ${url}: status is ${status}, expected 200`,
            { url, status },
          );
        }
        return judgeResponse(response);
      },
      onOpen(response) {
        reason = undefined;
        origin = new URL(response.url).origin;
        fire("open");
      },
      onMessage: ({ event, data, id }) => {
        this.dispatchEvent(new MessageEvent(event, { data, origin, lastEventId: id }));
      },
      onLost(error) {
        const { code } = error;
        const returns = (code === "network" || code === "ended") && mayReplay(method, false);
        if (!returns) return fail(error) as undefined;
        reason = error;
        return {};
      },
      onGiveUp() {},
      onState({ phase }) {
        // "Reestablish the connection": the state is CONNECTING when its error event fires.
        if (phase === "waiting") fire("error");
      },
    });
    this.#keeper.start();
  }

  /**
   * Reads an event stream that the application got by itself; when that ends, so does this, with an `error` event.
   * A proposal that may still change, in no standard yet: https://github.com/whatwg/html/pull/12272
   * @param stream - Of bytes. Cancelled by `close()`.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    const headers = { "content-type": "text/event-stream" };
    // As of a method that is not repeated, since a stream can be read once.
    return new EventSource(STREAM_URL, {
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
    const { phase } = this.#keeper.state;
    return phase === "closed" ? 2 : phase === "open" ? 1 : 0;
  }

  get onopen(): Handler<Event> {
    return this.#handler("open");
  }
  set onopen(handle: Handler<Event>) {
    this.#handle("open", handle);
  }

  get onmessage(): Handler<MessageEvent> {
    return this.#handler("message");
  }
  set onmessage(handle: Handler<MessageEvent>) {
    this.#handle("message", handle);
  }

  get onerror(): Handler<EventSourceErrorEvent> {
    return this.#handler("error");
  }
  set onerror(handle: Handler<EventSourceErrorEvent>) {
    this.#handle("error", handle);
  }

  /** Final: after it there is no request, no timer and no event. */
  close(): void {
    this.#keeper.close();
  }

  #handler<E extends Event>(type: string): Handler<E> {
    return (this.#handlers[type]?.handle as Handler<E>) ?? null;
  }

  #handle(type: string, handle: unknown): void {
    const known = this.#handlers[type];
    const isObject = (typeof handle === "object" && handle !== null) || typeof handle === "function";
    if (!isObject) {
      if (known) this.removeEventListener(type, known.listener);
      delete this.#handlers[type];
    } else if (known) {
      // It keeps its place among the listeners, as the standard has it.
      known.handle = handle;
    } else {
      const handler = {
        handle,
        listener: (event: Event) => {
          if (typeof handler.handle === "function")
            (handler.handle as (event: Event) => unknown).call(this, event);
        },
      };
      this.#handlers[type] = handler;
      this.addEventListener(type, handler.listener);
    }
  }
}
