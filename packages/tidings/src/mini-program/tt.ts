/**
 * Event streams on Douyin, whose host reads them itself: `tt.createEventSource` gives messages instead of bytes. It tells no
 * status and no headers, and would reconnect by itself; a connection does that better, so it is closed at its first end.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import { explain } from "../client/core/event-stream-error.ts";
import { TransportError } from "../client/transports/transport-error.ts";
import type { Transport, TransportRequest, TransportSink } from "../client/transports/transport.ts";
import { tell } from "../guard/foreign.ts";
import { createDoubt, type Doubt } from "./doubt.ts";
import { createHearing } from "./hearing.ts";
import { readBody, tagOf } from "./wx-body.ts";
import type { WxEvents, WxLike } from "./wx-host.ts";
import { checkTimes, type WxOptions } from "./wx-options.ts";
import { watchHost } from "./wx-watch.ts";
import { fromWx } from "./wx.ts";

/** Douyin's `tt`, as far as it is used. */
export interface TtLike extends WxLike {
  createEventSource?(options: never, timeout?: number): unknown;
}

interface TtHost extends WxEvents {
  createEventSource(options: object, timeoutMs: number): TtEventSource;
}

interface TtEventSource {
  onOpen?(listener: () => void): void;
  onMessage(listener: (message: TtMessage) => void): void;
  onError(listener: (result?: { errMsg?: string }) => void): void;
  onClose?(listener: () => void): void;
  close(): void;
}

interface TtMessage {
  data?: unknown;
  event?: string | number;
  lastEventId?: string | number;
  /** Its name in some versions of the base library. */
  id?: string | number;
}

/**
 * A transport over Douyin's `tt`: base library 3.35.0 or later streams GET and POST. Before that, as `fromWx` does where a host
 * has no chunks.
 * @throws {TypeError} If `tt` is not Douyin's. @throws {RangeError} If a number in the options is none.
 */
export function fromTt(tt: TtLike, options: WxOptions = {}): Transport {
  const host = tt as unknown as TtHost;
  if (!host || typeof host.createEventSource !== "function") return fromWx(tt, options);
  checkTimes(options);
  const doubt = createDoubt(options.aliveWithinMs);
  return {
    name: "tt",
    open: (request, sink) => openEventSource(host, options, doubt, request, sink),
    watch: (signals) => watchHost(host, options.interruptedAfterMs || 5000, doubt, signals),
  };
}

function openEventSource(
  host: TtHost,
  options: WxOptions,
  doubt: Doubt,
  request: TransportRequest,
  sink: TransportSink,
): { abort(): void } {
  const { body, method, url } = request;
  const timeout = Math.min(options.timeoutMs || 600_000, LONGEST_TIMER_MS);
  let source: TtEventSource | undefined;
  let over = false;
  let answered = false;
  let lastEventId = request.headers["last-event-id"] || "";
  const suspect = {
    method,
    heardMs: Date.now(),
    fail: (why: string) => fail(new TransportError("interrupted", why)),
  };
  const { heard, begin } = createHearing((error) =>
    fail(new TransportError("unsupported", explain(error), error)),
  );

  if (method === "GET" || method === "POST") start();
  else
    later(
      new TransportError("unsupported", `tt.createEventSource cannot send ${method}, expected GET or POST`),
    );
  return { abort: close };

  function start(): void {
    doubt.add(suspect);
    try {
      source = host.createEventSource(
        // In some versions the timeout is an option, in others the second argument.
        Object.assign({}, options.request, { url, method, header: request.headers, data: body, timeout }),
        timeout,
      );
      source.onMessage(heard(take));
      source.onError(
        heard((result: { errMsg?: string }) => {
          fail(new TransportError("network", result.errMsg || "createEventSource:fail", result));
        }),
      );
      if (source.onOpen) source.onOpen(heard(answer));
      if (source.onClose) {
        source.onClose(
          heard(() => {
            answer();
            if (close()) sink.onEnd();
          }),
        );
      }
    } catch (error) {
      later(new TransportError("network", explain(error), error));
    }
    begin();
  }

  function answer(): void {
    if (over) return;
    doubt.heard(suspect);
    if (answered) return;
    answered = true;
    sink.onResponse({ status: undefined, url, header: () => null });
  }

  function take(message: TtMessage): void {
    answer();
    if (over || message.data === undefined || !sink.onMessage) return;
    const data = readBody(message.data);
    if (typeof data !== "string") {
      return fail(
        new TransportError("unsupported", `a message's data is ${tagOf(message.data)}, expected text`),
      );
    }
    // Numbers, where a host has read what looks like one.
    lastEventId = String(message.lastEventId || message.id || lastEventId);
    void sink.onMessage({ event: String(message.event || "message"), data, id: lastEventId });
  }

  /** Nobody expects to hear before `open` has returned. */
  function later(error: TransportError): void {
    heard(() => fail(error))();
  }

  function fail(error: TransportError): void {
    if (close()) sink.onError(error);
  }

  /** @returns Whether it was open until now. */
  function close(): boolean {
    if (over) return false;
    over = true;
    doubt.remove(suspect);
    tell(nothing, () => {
      if (source) source.close();
    });
    return true;
  }
}

function nothing(): void {}
