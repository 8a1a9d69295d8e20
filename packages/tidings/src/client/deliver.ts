/**
 * Hands messages to whoever takes them, handlers or one reader, in their order and one at a time; what nobody takes yet waits.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { ConnectionOptions, Platform } from "./connection.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { gapOf } from "./gap.ts";
import { report, settle } from "./settle.ts";

export interface Delivery<M> {
  /** @throws {EventStreamError} `"too-large"` if too many wait already. */
  push(this: void, message: ParsedMessage): void;
  /** Whether messages wait, or one is being handled. */
  waits(this: void): boolean;
  /** A promise while messages wait. */
  pressure(this: void): Promise<void> | undefined;
  /** @param event - `undefined` for all. @returns How to remove it. */
  on(this: void, event: string | undefined, handle: (message: M) => unknown): () => void;
  iterate(this: void, onReturn: () => void): AsyncIterator<M, undefined>;
  /** Final: what waits is dropped, and a reader is told, by an error if it is `failed`. */
  stop(this: void, failed: boolean, error: unknown): void;
}

/**
 * @param decode - What the application gets of a message; `undefined` for nothing. Default: the message.
 * @param handing - Told the id of each message that is handed on.
 * @param store - Told the id of each message that was handled.
 * @param complete - The message that `until` names was handled.
 * @param fail - What was thrown by `decode`, or by a handler whose message was to be acknowledged.
 */
export function deliver<M extends { readonly event: string }>(
  { ack, cursor, maxQueuedMessages = 1024, onGap, onMessage, until }: ConnectionOptions<M>,
  decode: Platform<M>["decode"],
  handing: (id: string) => void,
  store: (id: string) => void,
  complete: () => void,
  fail: (error: EventStreamError) => void,
): Delivery<M> {
  let handlers: (readonly [event: string | undefined, handle: (message: M) => unknown])[] = [];
  const queue: ParsedMessage[] = [];
  /** A message is being decoded or handled. */
  let busy = false;
  let pumping = false;
  let iterating = false;
  let read: ((result: IteratorResult<M, undefined> | PromiseLike<never>) => void) | undefined;
  /** What the reader has, and has not asked beyond. */
  let given: ParsedMessage | undefined;
  let behind: Promise<void> | undefined;
  let caughtUp: (() => void) | undefined;
  /** Tells the reader of the end. */
  let last: (() => void) | undefined;

  if (onMessage) on(undefined, (message) => onMessage(message));
  return { push, waits, pressure, on, iterate, stop };

  function push(message: ParsedMessage): void {
    if (behind && queue.length >= maxQueuedMessages) {
      throw new EventStreamError(
        "too-large",
        `Cannot queue message: ${queue.length} wait, as many as maxQueuedMessages`,
      );
    }
    queue.push(message);
    pump();
  }

  function waits(): boolean {
    return busy || queue.length > 0;
  }

  function pressure(): Promise<void> | undefined {
    if (waits()) return (behind ??= new Promise<void>((resolve) => (caughtUp = resolve)));
  }

  function pump(): void {
    // A loop, since a handler that is done at once comes back here: a long queue would be as deep a stack.
    if (pumping) return;
    pumping = true;
    while (!busy && !last && queue.length > 0 && (iterating ? read : handlers.length > 0)) {
      busy = true;
      const message = queue.shift()!;
      settle(
        () => (decode ? decode(message) : (message as unknown as M)),
        (decoded) => hand(message, decoded),
        (thrown) => failed(thrown, false),
      );
    }
    pumping = false;
    if (!waits()) release();
  }

  function hand(message: ParsedMessage, decoded: M | undefined): void {
    let isLast = false;
    let left = 1;
    handing(message.id);
    const done = () => {
      if (--left > 0 || last) return;
      busy = false;
      if (given !== message) handled(message);
      if (isLast) complete();
      pump();
    };
    if (decoded) {
      handlers.forEach((handler) => {
        // One handler may close, and may remove another.
        if (last || handlers.indexOf(handler) < 0 || (handler[0] ?? decoded.event) !== decoded.event) return;
        left++;
        settle(
          () => handler[1](decoded),
          done,
          (thrown) => {
            failed(thrown, true);
            done();
          },
        );
      });
    }
    if (last) return;
    const gap = onGap && gapOf(message);
    if (gap) onGap(gap);
    isLast = typeof until === "string" ? message.event === until : !!until && until(message);
    if (decoded && read) {
      const resolve = read;
      read = undefined;
      given = message;
      resolve({ done: false, value: decoded });
    }
    done();
  }

  function handled({ id }: ParsedMessage): void {
    if (ack !== "received") store(id);
  }

  function failed(thrown: unknown, inHandler: boolean): void {
    if (inHandler && (!cursor || ack === "received")) report(thrown);
    else if (thrown instanceof EventStreamError) fail(thrown);
    else {
      const what = `Cannot acknowledge message: its handler failed: ${String(thrown)}`;
      fail(new EventStreamError("handler", what, { cause: thrown }));
    }
  }

  function on(event: string | undefined, handle: (message: M) => unknown): () => void {
    const handler = [event, handle] as const;
    handlers.push(handler);
    // Later, so that handlers which are added together see the waiting messages together.
    void Promise.resolve().then(pump);
    return () => {
      handlers = handlers.filter((other) => other !== handler);
    };
  }

  function iterate(onReturn: () => void): AsyncIterator<M, undefined> {
    if (iterating) throw new TypeError("Cannot iterate: the connection has a reader already, expected one");
    iterating = true;
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (read)
            return reject(new TypeError("Cannot read: the last read is under way, expected one at a time"));
          if (given) handled(given);
          given = undefined;
          read = resolve;
          if (last) last();
          else pump();
        }),
      return() {
        onReturn();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  function stop(failed: boolean, error: unknown): void {
    last = () => {
      if (read) read(failed ? Promise.reject(error) : { done: true, value: undefined });
      read = undefined;
    };
    queue.length = 0;
    last();
    release();
  }

  function release(): void {
    if (caughtUp) caughtUp();
    behind = caughtUp = undefined;
  }
}
