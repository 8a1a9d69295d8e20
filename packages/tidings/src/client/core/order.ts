/**
 * The order of messages: one at a time, first come first served, to handlers or to one reader. What nobody takes yet waits.
 * This module is browser compatible.
 */
import { ask, reportUncaught } from "../../guard/foreign.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { BaseOptions } from "./connection.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { callHooks, type Hooks, type Last } from "./feature.ts";
import { together } from "./request.ts";

export interface Order<M> {
  /** The last event ID of the message that was handed on last. */
  handedId: string;
  /** @throws {EventStreamError} `"too-large"` if too many wait already. */
  push(this: void, message: ParsedMessage): void;
  /** Whether messages wait, or one is being handled. */
  waits(this: void): boolean;
  /** A promise while messages wait. */
  pressure(this: void): Promise<void> | undefined;
  /** @param event - `undefined` for all. @returns A function that removes the handler. */
  on(this: void, event: string | undefined, handle: (message: M) => unknown): () => void;
  iterate(this: void, onReturn: () => void): AsyncIterator<M, undefined>;
  /** Final: what waits is dropped. A reader ends, with `error` if it `failed`. */
  stop(this: void, failed: boolean, error: unknown): void;
}

type Ended = Exclude<Last, false | undefined | void>;

/**
 * @param limits - How many messages may wait when the transport was asked to wait and does not, and how many bytes, and one message.
 * @param onLast - The last message was handled, as `until` has it.
 * @param onFailed - A message could not be decoded, or a handler failed whose message had to be handled.
 */
export function createOrder<M extends { readonly event: string }>(
  hooks: readonly Hooks[],
  { maxQueuedMessages = 1024, maxQueuedBytes = 2 ** 25 }: BaseOptions<M>,
  onLast: (verdict: Ended) => void,
  onFailed: (thrown: unknown) => void,
): Order<M> {
  let handlers: (readonly [event: string | undefined, handle: (message: M) => unknown])[] = [];
  let queue: ParsedMessage[] = [];
  /** Those before the queue, the next one last: engines move all of a long array to take its first. */
  let next: ParsedMessage[] = [];
  /** In both, in characters. */
  let length = 0;
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
  let stopped: (() => void) | undefined;

  const order: Order<M> = { handedId: "", push, waits, pressure, on, iterate, stop };
  return order;

  function push(message: ParsedMessage): void {
    const waiting = queue.length + next.length;
    if (behind && (waiting >= maxQueuedMessages || length * 2 >= maxQueuedBytes)) {
      throw new EventStreamError(
        "too-large",
        `Cannot queue message: ${waiting} wait, expected at most maxQueuedMessages or maxQueuedBytes`,
      );
    }
    queue.push(message);
    length += message.data.length;
    pump();
  }

  function waits(): boolean {
    return busy || queue.length + next.length > 0;
  }

  function pressure(): Promise<void> | undefined {
    if (waits()) return (behind ??= new Promise<void>((resolve) => (caughtUp = resolve)));
  }

  function pump(): void {
    // A loop, not recursion: a handler that is done at once comes back here, and a long queue would be a deep stack.
    if (pumping) return;
    pumping = true;
    while (!busy && !stopped && waits() && (iterating ? read : handlers.length > 0)) {
      busy = true;
      if (next.length === 0) {
        // oxlint-disable-next-line no-array-reverse -- the other one is missing on older platforms
        next = queue.reverse();
        queue = [];
      }
      const message = next.pop()!;
      length -= message.data.length;
      take(message);
    }
    pumping = false;
    if (!waits()) release();
  }

  /** Asks `until`, then decodes, then hands on. Each may take its time. */
  function take(message: ParsedMessage): void {
    order.handedId = message.id;
    ask(
      () => together(hooks.map(({ until }) => until && until(message))),
      (said) => decode(message, said.filter((last) => last && last.reason)[0]),
      (thrown) => {
        reportUncaught(thrown);
        decode(message);
      },
    );
  }

  function decode(message: ParsedMessage, last?: Last): void {
    const decoder = hooks.filter(({ decode }) => decode)[0];
    ask(
      () =>
        (decoder ? decoder.decode!(message, !!last) : message) as M | undefined | PromiseLike<M | undefined>,
      (decoded) => hand(message, decoded, last),
      (thrown) => {
        if (!stopped) onFailed(thrown);
      },
    );
  }

  function hand(message: ParsedMessage, decoded: M | undefined, last: Last): void {
    let left = 1;
    const done = () => {
      if (--left > 0 || stopped) return;
      busy = false;
      if (given !== message) callHooks(hooks, "handled", message);
      if (last) onLast(last);
      pump();
    };
    if (stopped) return;
    if (decoded) {
      for (const handler of handlers) {
        const [event = decoded.event, handle] = handler;
        // One handler may close the connection, and may remove another.
        if (stopped || handlers.indexOf(handler) < 0 || event !== decoded.event) continue;
        left++;
        ask(
          () => handle(decoded),
          done,
          (thrown) => {
            if (!callHooks(hooks, "mustHandle")) reportUncaught(thrown);
            else if (!stopped) onFailed(thrown);
            done();
          },
        );
      }
    }
    if (stopped) return;
    callHooks(hooks, "handed", message);
    if (decoded && read && !stopped) {
      const resolve = read;
      read = undefined;
      given = message;
      resolve({ done: false, value: decoded });
    }
    done();
  }

  function on(event: string | undefined, handle: (message: M) => unknown): () => void {
    const handler = [event, handle] as const;
    // A new list each time: the old one may be walked through.
    handlers = [...handlers, handler];
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
          if (given) callHooks(hooks, "handled", given);
          given = undefined;
          read = resolve;
          if (stopped) stopped();
          else pump();
        }),
      return() {
        onReturn();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  function stop(failed: boolean, error: unknown): void {
    stopped = () => {
      if (read) read(failed ? Promise.reject(error) : { done: true, value: undefined });
      read = undefined;
    };
    queue = next = [];
    stopped();
    release();
  }

  function release(): void {
    if (caughtUp) caughtUp();
    behind = caughtUp = undefined;
  }
}
