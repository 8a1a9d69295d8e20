/**
 * A store: one connection whose messages are reduced to data, and listeners that are notified at most once per frame.
 * It depends on no framework; `tidings/react` and `tidings/vue` are built on it.
 * This module is browser compatible.
 */
import {
  connect,
  type ConnectOptions,
  EventStreamError,
  type HeadersInput,
  type Verdict,
} from "../client/index.ts";
import { atLeast } from "../guard/least.ts";
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import { asEventStreamError, wordsOf } from "../client/core/event-stream-error.ts";
import { reportUncaught, tell as tellForeign } from "../guard/foreign.ts";
import type { EventSchemas } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { nextFrame } from "./frame.ts";
import type { AnyOptions, MessageFor, Newest, Opened, OptionsOf, StoreUrl, View } from "./view.ts";

export interface Store<Data> {
  /** Returns the view of the last frame: the same object until it changes. */
  get(this: void): View<Data>;
  /** Returns the view before the connection opened, for rendering on the server and for hydration. */
  getInitial(this: void): View<Data>;
  /**
   * Calls `tell` when the view has changed. The connection opens with the first listener, and closes `lingerMs` after the last one
   * has left. A new listener then continues from the last event ID, or starts again from `initial` if there is none. A connection
   * with a verdict is not opened again.
   * @returns A function that removes the listener.
   */
  subscribe(this: void, tell: () => void): () => void;
  /** Closes the connection, with the verdict `"closed"`. `data` stays. */
  close(this: void): void;
  /** Opens another connection, after any verdict: it continues from the last event ID, or starts again from `initial` if there is none. */
  reopen(this: void): void;
}

/** A store whose options come anew with each drawing. */
export interface RenewableStore<Data> extends Store<Data> {
  /** From now on the functions, headers and body are those of `options`. All else is as it was when the connection was opened. */
  renew(this: void, options: AnyOptions<Data>): void;
}

/**
 * Creates a store. You can call it on a server too, since the connection opens only with the first listener.
 * @param url - As for `connect`. Without a URL, no connection is opened.
 * @throws {RangeError} If `keepLast` is not a whole number above 0, or `lingerMs` no number from 0.
 */
export function createStore<
  const Events extends EventSchemas | undefined = undefined,
  const Json extends boolean | undefined = undefined,
  const Keep extends number | undefined = undefined,
  Data = Newest<MessageFor<Events, Json>, Keep>,
>(url: StoreUrl, options?: OptionsOf<Events, Json, Keep, Data>): Store<Data> {
  return renewableStore(url, (options ?? {}) as AnyOptions<Data>);
}

export function renewableStore<Data>(url: StoreUrl, options: AnyOptions<Data>): RenewableStore<Data> {
  const { keepLast, lingerMs = 0 } = options;
  atLeast("make store", "lingerMs", lingerMs, 0);
  if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast > 0)) {
    throw new RangeError(`Cannot make store: keepLast is ${keepLast}, expected a whole number above 0`);
  }
  const first: View<Data> = {
    data: options.initial ?? ((keepLast ? [] : undefined) as Data),
    state: url ? "connecting" : "closed",
    error: undefined,
    verdict: undefined,
    lastEventId: options.lastEventId ?? "",
  };
  const lookers = new Set<{ readonly tell: () => void }>();
  // What was told, and what will be.
  let shown = first;
  let next = first;
  // The newest messages, where they are kept: made a list of once a frame, rather than for each message.
  let kept: unknown[] | undefined;
  let isKeptNew = false;
  let connection: Opened | undefined;
  /** Whether a frame was asked for, and how to call it off once it says. */
  let waits = false;
  let callOff: unknown;
  let linger: ReturnType<typeof setTimeout> | undefined;

  return {
    get: () => shown,
    getInitial: () => first,
    subscribe(tell) {
      const looker = { tell };
      clearTimeout(linger);
      if (!connection && !next.verdict) open();
      lookers.add(looker);
      return () => {
        if (lookers.delete(looker) && lookers.size === 0)
          linger = setTimeout(leave, Math.min(lingerMs, LONGEST_TIMER_MS));
      };
    },
    close() {
      if (!next.verdict) end({ reason: "closed" });
    },
    reopen() {
      leave();
      change({ state: first.state, error: undefined, verdict: undefined });
      if (lookers.size > 0) open();
    },
    renew(newest) {
      options = newest;
    },
  };

  function open(): void {
    if (!url) return;
    if (!next.lastEventId) {
      kept = undefined;
      isKeptNew = false;
      change({ data: first.data });
    }
    let opened: Opened | undefined;
    const isCurrent = () => connection === opened;
    const { connect: openConnection = connect, headers, body, until, onGap, trace } = options;
    // What opens connections in another way may have to see the values.
    const isOurs = !options.connect;
    const told: ConnectOptions = Object.assign({}, options, {
      lastEventId: next.lastEventId,
      ...(headers &&
        (isOurs || typeof headers === "function") && { headers: () => ask(options.headers) as HeadersInput }),
      ...(!!body && (isOurs || typeof body === "function") && { body: () => ask(options.body) }),
      ...(typeof until === "function" && { until: (message) => (options.until as typeof until)(message) }),
      ...(onGap && { onGap: (gap) => options.onGap?.(gap) }),
      ...(trace && { trace: (entry) => options.trace?.(entry) }),
      onMessage(message) {
        if (isCurrent() && take(message)) return options.onMessage?.(message);
      },
      onOpen(response) {
        if (isCurrent()) change({ error: undefined });
        options.onOpen?.(response);
      },
      onError(error) {
        // A message that was passed over is no failure of the stream.
        if (isCurrent() && error.code !== "invalid") change({ error });
        options.onError?.(error);
      },
      onState(state) {
        if (isCurrent()) change({ state });
        options.onState?.(state);
      },
    } satisfies ConnectOptions);
    opened = openConnection(url, told);
    opened.ended.then(
      (verdict) => {
        if (isCurrent()) end(verdict);
      },
      (thrown: unknown) => {
        const cause = asEventStreamError(thrown, "network", undefined);
        if (isCurrent()) end({ reason: "gave-up", cause });
      },
    );
    connection = opened;
  }

  /** @returns Whether the message is in the data now. */
  function take(message: ParsedMessage): boolean {
    let { data } = next;
    try {
      if (options.reduce) data = options.reduce(data, message);
      else if (keepLast) keep(message, keepLast);
      else data = message as Data;
    } catch (thrown) {
      const cause = new EventStreamError(
        "handler",
        `Cannot reduce message ${JSON.stringify(message.event)}: ${wordsOf(thrown)}`,
        { cause: thrown },
      );
      end({ reason: "truncated", cause: Object.assign(cause, { willRetry: false }) });
      tellForeign(reportUncaught, options.onError, cause);
      // It is a mistake in the program, so it is told where those are.
      void Promise.reject(thrown);
      return false;
    }
    change({ data, lastEventId: message.id });
    return true;
  }

  function keep(message: ParsedMessage, limit: number): void {
    kept ??= [...(next.data as unknown[])];
    kept.push(message);
    isKeptNew = true;
    if (kept.length >= 2 * limit) kept.splice(0, kept.length - limit);
  }

  function end(verdict: Verdict): void {
    const ended = connection;
    connection = undefined;
    const { reason, cause } = verdict;
    change({ state: "closed", verdict, error: reason === "aborted" ? undefined : cause });
    if (ended) tellForeign(reportUncaught, () => ended.close());
  }

  /** Nobody looks any more, or there will be another connection. */
  function leave(): void {
    if (!connection) return;
    const left = connection;
    connection = undefined;
    tellForeign(reportUncaught, () => left.close());
    change({ state: first.state });
    tell();
  }

  function change(patch: Partial<View<Data>>): void {
    next = { ...next, ...patch };
    if (waits) return;
    waits = true;
    let how: unknown;
    try {
      how = (options.frame ?? nextFrame)(tell);
    } catch (mistake) {
      reportUncaught(mistake);
      if (waits) how = nextFrame(tell);
    }
    // A frame may be at once.
    if (waits) callOff = how;
  }

  function tell(): void {
    const how = callOff;
    waits = false;
    callOff = undefined;
    if (typeof how === "function") tellForeign(reportUncaught, how as () => void);
    if (isKeptNew) next = { ...next, data: kept!.slice(-keepLast!) as Data };
    isKeptNew = false;
    if (shown === next) return;
    shown = next;
    for (const looker of lookers) tellForeign(reportUncaught, looker.tell);
  }
}

function ask(asked: unknown): unknown {
  return typeof asked === "function" ? (asked as () => unknown)() : asked;
}
