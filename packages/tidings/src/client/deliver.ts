/**
 * Hands messages to whoever takes them, handlers or one reader, in their order and one at a time; what nobody takes yet waits.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { isThenable } from "./request.ts";

export interface DeliveryOptions<M> {
  /** How many messages may wait although the transport was asked to hold back. */
  maxQueuedMessages: number;
  /** What the application gets of a message; `undefined` for nothing. An error ends the delivery. */
  decode(message: ParsedMessage): M | undefined | PromiseLike<M | undefined>;
  /** The message was handled: its handlers are done, or its reader asked for the next. */
  onHandled(message: ParsedMessage): void;
  /** The message was handed over. @returns Whether it was the last. */
  onTaken(message: ParsedMessage): boolean;
  onLast(): void;
  /** A handler or `decode` threw. */
  onFailure(thrown: unknown, inHandler: boolean): void;
}

export interface Delivery<M> {
  /** @throws {EventStreamError} `"too-large"` if too many wait already. */
  push(this: void, message: ParsedMessage): void;
  /** A promise while messages wait. */
  pressure(): Promise<void> | undefined;
  /** @param event - `undefined` for all. @returns How to remove it. */
  on(event: string | undefined, handle: (message: M) => unknown): () => void;
  iterate(onReturn: () => void): AsyncIterator<M, undefined>;
  /** Final: what waits is dropped, and a reader is told. @param error - Thrown at the reader, if there is one. */
  stop(failed: boolean, error: unknown): void;
}

interface Read<M> {
  resolve(this: void, result: IteratorResult<M, undefined>): void;
  reject(this: void, thrown: unknown): void;
}

export function deliver<M extends { readonly event: string }>(options: DeliveryOptions<M>): Delivery<M> {
  const handlers: { event: string | undefined; handle: (message: M) => unknown }[] = [];
  const queue: ParsedMessage[] = [];
  let busy = false;
  let iterating = false;
  let read: Read<M> | undefined;
  let readLast: ParsedMessage | undefined;
  let behind: Promise<void> | undefined;
  let caughtUp: (() => void) | undefined;
  let stopped: { failed: boolean; error: unknown } | undefined;

  return { push, pressure, on, iterate, stop };

  function push(message: ParsedMessage): void {
    if (behind && queue.length >= options.maxQueuedMessages) {
      throw new EventStreamError(
        "too-large",
        `Cannot queue message: ${queue.length} wait, as many as maxQueuedMessages`,
      );
    }
    queue.push(message);
    pump();
  }

  function pressure(): Promise<void> | undefined {
    if (queue.length === 0 && !busy) return;
    return (behind ??= new Promise<void>((resolve) => {
      caughtUp = resolve;
    }));
  }

  function pump(): void {
    while (!busy && !stopped && queue.length > 0 && (iterating ? read : handlers.length > 0)) {
      busy = true;
      const message = queue.shift()!;
      let decoded: M | undefined | PromiseLike<M | undefined>;
      try {
        decoded = options.decode(message);
      } catch (thrown) {
        options.onFailure(thrown, false);
        return;
      }
      if (isThenable(decoded)) {
        decoded.then(
          (later) => hand(message, later, true),
          (thrown: unknown) => options.onFailure(thrown, false),
        );
      } else hand(message, decoded, false);
    }
    if (queue.length === 0 && !busy) release();
  }

  function hand(message: ParsedMessage, decoded: M | undefined, later: boolean): void {
    const slow = decoded && !stopped ? callAll(decoded) : [];
    if (stopped) return;
    const last = options.onTaken(message);
    if (decoded && read) {
      const { resolve } = read;
      read = undefined;
      readLast = message;
      resolve({ done: false, value: decoded });
    }
    const handled = () => {
      busy = false;
      if (stopped) return;
      if (readLast !== message) options.onHandled(message);
      if (last) options.onLast();
    };
    if (slow.length > 0) {
      void Promise.all(slow).then(() => {
        handled();
        pump();
      });
    } else {
      handled();
      if (later) pump();
    }
  }

  function callAll(message: M): PromiseLike<unknown>[] {
    const slow: PromiseLike<unknown>[] = [];
    const failed = (thrown: unknown) => options.onFailure(thrown, true);
    // A copy, since a handler may remove itself; the one it removed is not called any more.
    for (const handler of handlers.slice()) {
      const { event, handle } = handler;
      if (stopped || (event !== undefined && event !== message.event) || handlers.indexOf(handler) < 0)
        continue;
      try {
        const result = handle(message);
        if (isThenable(result)) slow.push(result.then(undefined, failed));
      } catch (thrown) {
        failed(thrown);
      }
    }
    return slow;
  }

  function on(event: string | undefined, handle: (message: M) => unknown): () => void {
    const handler = { event, handle };
    handlers.push(handler);
    // Later, so that handlers which are added together see the waiting messages together.
    void Promise.resolve().then(pump);
    return () => {
      const at = handlers.indexOf(handler);
      if (at >= 0) handlers.splice(at, 1);
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
          const handled = readLast;
          readLast = undefined;
          if (handled) options.onHandled(handled);
          read = { resolve, reject };
          if (stopped) settle();
          else pump();
        }),
      return() {
        onReturn();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  function stop(failed: boolean, error: unknown): void {
    stopped = { failed, error };
    queue.length = 0;
    settle();
    release();
  }

  function settle(): void {
    if (!read) return;
    if (stopped!.failed) read.reject(stopped!.error);
    else read.resolve({ done: true, value: undefined });
    read = undefined;
  }

  function release(): void {
    behind = undefined;
    if (caughtUp) caughtUp();
    caughtUp = undefined;
  }
}
