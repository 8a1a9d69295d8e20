/**
 * The standard's `EventSource`, for platforms where it is missing or too limited: the same class and the same rules, and requests that can
 * carry headers and a body.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 * This module is browser compatible.
 */
import { createAttempts } from "./core/attempts.ts";
import type { Attempts } from "./core/feature.ts";
import { systemClock } from "./core/clock.ts";
import { type EventStreamError, streamError } from "./core/event-stream-error.ts";
import { DEFAULT_RETRY, lossOf } from "./core/reconnect.ts";
import { type Asked, type HeadersInput, isSafe, methodOf } from "./core/request.ts";
import { refusals } from "./features/attempts/refusals.ts";
import { thaw } from "./features/thaw.ts";
import { createParser } from "./parser.ts";
import { absolute, type Fetch, fetchTransport } from "./transports/fetch.ts";

/** How long the functions of a request may take. Otherwise one that never settles would stop the stream silently. */
const LONGEST_ASKING_MS = 60_000;

/** `withCredentials` is the standard's; the rest is ours. */
export interface EventSourceInit {
  /** Whether cookies are sent to another origin. Default: false: only the page's own origin is. */
  withCredentials?: boolean;
  /** Sent with each attempt. A function is called before each; when it fails, or takes longer than a minute, the attempt has failed. */
  headers?: Asked<HeadersInput>;
  /** Default: `"GET"`. A request whose method may change something is not repeated when its stream ends: it closes. */
  method?: string;
  /** Objects and arrays are sent as JSON. */
  body?: Asked<unknown>;
  /** Called instead of the platform's. */
  fetch?: Fetch;
}

/** What handlers have as `this`: the class without what is private to it, so that the class can stand where the platform's stands. */
interface EventSourceThis extends EventTarget {
  readonly url: string;
  readonly withCredentials: boolean;
  readonly readyState: number;
  close(): void;
}

type Handler<E extends Event> = ((this: EventSourceThis, event: E) => unknown) | null;

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
  addEventListener(type: string, listener: AnyListener | null, options?: ListenerOptions): void;
  removeEventListener(
    type: string,
    listener: (event: MessageEvent) => unknown,
    options?: ListenerOptions,
  ): void;
  removeEventListener(type: string, listener: AnyListener | null, options?: ListenerOptions): void;
}

// As in the DOM's types, which a program for Node need not have.
type AnyListener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type ListenerOptions =
  | boolean
  | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

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

  // No variables in the block itself: Vite confuses them with imports once names are short.
  static {
    this.#shape();
  }

  /** Gives the class the properties of the standard's, as Web IDL shows them. */
  static #shape(): void {
    const { prototype } = this;
    const define = (target: object, name: PropertyKey, property?: PropertyDescriptor) =>
      Object.defineProperty(target, name, { enumerable: true, ...property });
    for (const target of [this, prototype]) {
      ["CONNECTING", "OPEN", "CLOSED"].forEach((name, value) => define(target, name, { value }));
    }
    // A class hides what Web IDL shows, and a bundler may rename it.
    for (const name of ["url", "withCredentials", "readyState", "close", "lastEventId", "reconnectionTime"])
      define(prototype, name);
    define(prototype, Symbol.toStringTag, { value: "EventSource", enumerable: false, configurable: true });
    define(this, "name", { value: "EventSource", enumerable: false, configurable: true });
    for (const type of ["open", "message", "error"]) {
      const name = `on${type}`;
      // Written as accessors for their names, `get onopen` and `set onopen`.
      const accessors = {
        get [name](): unknown {
          return (this as unknown as EventSource).#handlers[type]?.handle ?? null;
        },
        set [name](handle: unknown) {
          (this as unknown as EventSource).#setHandler(type, handle);
        },
      };
      define(prototype, name, Object.getOwnPropertyDescriptor(accessors, name));
    }
  }

  /** What `onopen` and the like stand for among the listeners. */
  readonly #handlers: { [type: string]: Listener } = {};
  readonly #url: string;
  readonly #withCredentials: boolean;
  #readyState: 0 | 1 | 2 = 0;
  readonly #attempts: Attempts;

  /**
   * @param url - Absolute, or relative to the page or the worker.
   * @throws {DOMException} `SyntaxError` if `url` cannot be resolved.
   */
  constructor(url: string | URL, init: EventSourceInit | null = {}) {
    super();
    if (arguments.length === 0 || (init !== null && Object(init) !== init)) {
      throw new TypeError("Cannot construct EventSource: expected a URL, and an object or null");
    }
    try {
      this.#url = absolute(url);
    } catch {
      throw new DOMException(
        `Cannot construct EventSource: url is "${url}", expected one that can be resolved`,
        "SyntaxError",
      );
    }
    const { withCredentials, fetch, ...parts } = { ...init, url: this.#url };
    this.#withCredentials = !!withCredentials;
    let origin = "";
    let asking: unknown;
    const asked = () => systemClock.clearTimeout(asking);
    const lose = (error: EventStreamError) => this.#attempts.lose(error);
    const core = { clock: systemClock, lose };
    this.#attempts = createAttempts(
      {
        clock: systemClock,
        policy: DEFAULT_RETRY,
        transport: fetchTransport({ fetch, credentials: withCredentials ? "include" : "same-origin" }),
        parts,
        createParser,
        strict: true,
        onMessage: ({ event, data, id }) => {
          this.dispatchEvent(new MessageEvent(event, { data, origin, lastEventId: id }));
        },
        onLost: (error) => {
          const willRetry =
            /^(network|ended|request|timeout)$/.test(error.code) &&
            error.willRetry !== false &&
            isSafe(methodOf(parts));
          // "Reestablish the connection": the state is CONNECTING when its error event fires.
          if (willRetry) this.#readyState = 0;
          else this.#close();
          this.dispatchEvent(Object.assign(new Event("error"), { error }));
          return willRetry ? lossOf(error, systemClock) : undefined;
        },
      },
      [
        refusals()(core),
        thaw(core),
        {
          prepare() {
            const what = `Cannot make the request: headers or body took ${LONGEST_ASKING_MS} ms`;
            asking = systemClock.setTimeout(
              () => lose(streamError("timeout", undefined, what)),
              LONGEST_ASKING_MS,
            );
          },
          request: asked,
          state: asked,
          response: (response) => {
            ({ origin } = new URL(response.url));
            this.#readyState = 1;
            this.dispatchEvent(new Event("open"));
          },
        },
      ],
    );
    // Later: a request that cannot be made fails at once, and now nobody can have a handler yet.
    queueMicrotask(() => this.#attempts.take({ type: "start" }));
  }

  /**
   * Reads an event stream that the application got by itself; when that ends, so does this, with an `error` event.
   * A proposal that may still change, in no standard yet: https://github.com/whatwg/html/pull/12272
   * @param stream - Of bytes. Cancelled by `close()`.
   * @throws {TypeError} If something else reads the stream already.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    if (stream.locked)
      throw new TypeError("Cannot read event stream: it is locked, expected one without a reader");
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

  /** The last event ID, for an application that reconnects by itself. Of the same proposal as `fromReadableStream`. */
  get lastEventId(): string {
    return this.#attempts.lastEventId;
  }

  /** The reconnection time in milliseconds. Of the same proposal as `fromReadableStream`. */
  get reconnectionTime(): number {
    return Math.max(DEFAULT_RETRY.baseMs, this.#attempts.state.reconnectionTimeMs);
  }

  /** Final: after it there is no request, no timer and no event. */
  close(): void {
    this.#close();
  }

  /** Apart from `close`, which a subclass may have its own of. */
  #close(): void {
    this.#readyState = 2;
    this.#attempts.take({ type: "close" });
  }

  #setHandler(type: string, handle: unknown): void {
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
  }
}

/** Whether the platform itself calls what stands as `onmessage` and the like on any target: workerd does. */
function callsHandlers(): boolean {
  let called = false;
  Object.assign(new EventTarget(), { onx: () => (called = true) }).dispatchEvent(new Event("x"));
  return called;
}
