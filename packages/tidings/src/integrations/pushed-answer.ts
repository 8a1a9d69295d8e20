/**
 * An answer whose messages are pushed, for stores of other packages: their producer appends, where a generator would yield.
 * A producer that forgets it says nothing: after a while without a push, the answer ends as abandoned.
 * This module is browser compatible.
 */
import { positive } from "../guard/positive.ts";
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import type { ParsedMessage } from "../wire/message.ts";
import type { Answers } from "../server/answers/answers.ts";

/** What is pushed: a message of our own dialect. */
export interface PushedMessage {
  readonly event?: string;
  readonly data: unknown;
}

/** The answers that a store needs: `createAnswers()`, in our own dialect. */
export type PushableAnswers = Pick<Answers<PushedMessage>, "start" | "read" | "state" | "stop">;

export interface StartPushed {
  /** Begin one that ended without being complete again. Default: false. */
  readonly restart?: boolean;
  /** Milliseconds without a push after which it ends as abandoned. */
  readonly idleMs: number;
}

/**
 * Default: 600,000, ten minutes.
 * @throws {RangeError} If it is not a number above 0.
 */
export function checkIdleMs(action: string, idleMs: number | false = 600_000): number {
  return idleMs === false ? Infinity : positive(action, "idleMs", idleMs, "false");
}

export class PushedAnswer {
  /** Resolves when nothing more can be pushed: it ended, was stopped or abandoned, or its log was lost. */
  readonly ended: Promise<void>;
  readonly #signal: AbortSignal;
  readonly #idleMs: number;
  #pushedMs = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #kept: AsyncIterator<ParsedMessage, undefined>;
  readonly #waiting: PushedMessage[] = [];
  #wake: (() => void) | undefined;
  #over = false;
  /** One push after the other: the ids are read in their order. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    signal: AbortSignal,
    kept: AsyncIterator<ParsedMessage, undefined>,
    idleMs: number,
    onEnded: (ended: () => void) => void,
  ) {
    this.#signal = signal;
    this.#kept = kept;
    this.#idleMs = idleMs;
    this.ended = new Promise(onEnded);
  }

  /** @returns `undefined` when there is an answer with this id. */
  static async start(
    answers: PushableAnswers,
    id: string,
    { restart = false, idleMs }: StartPushed,
  ): Promise<PushedAnswer | undefined> {
    let pushed: PushedAnswer | undefined;
    const generate = ({ signal }: { signal: AbortSignal }): AsyncIterable<PushedMessage> => {
      const kept = answers.read(id)[Symbol.asyncIterator]();
      let ended = (): void => undefined;
      const made = new PushedAnswer(signal, kept, idleMs, (resolve) => (ended = resolve));
      signal.addEventListener("abort", () => {
        made.#wake?.();
        ended();
      });
      pushed = made;
      return made.#messages(ended);
    };
    await answers.start(id, generate, { restart });
    return pushed;
  }

  /** Whether nothing more can be pushed. */
  get over(): boolean {
    return this.#over || this.#signal.aborted;
  }

  /** @returns The id of each message, once it is kept. */
  push(messages: readonly PushedMessage[]): Promise<string[]> {
    if (this.over) return Promise.reject(new TypeError("Cannot append: the answer has ended"));
    this.#pushedMs = performance.now();
    for (const message of messages) this.#waiting.push(message);
    this.#wake?.();
    const ids = this.#last.then(async () => {
      const found: string[] = [];
      while (found.length < messages.length) {
        const { done, value } = await this.#kept.next();
        // What comes in the place of a message that could not be kept is the answer's end.
        const isKept = done !== true && value.event === (messages[found.length]!.event ?? "message");
        if (!isKept) throw new TypeError("Cannot append: the answer has ended");
        found.push(value.id);
      }
      return found;
    });
    this.#last = ids.catch(() => undefined);
    return ids;
  }

  /** Ends the answer. @param last - Says that it failed. @returns When the end is kept. */
  async end(last?: PushedMessage): Promise<void> {
    if (last !== undefined) this.#waiting.push(last);
    this.#over = true;
    this.#wake?.();
    await this.#last;
    try {
      while ((await this.#kept.next()).done !== true);
    } catch {
      // It ended without being complete: its readers are told.
    }
  }

  async *#messages(ended: () => void): AsyncGenerator<PushedMessage, void> {
    this.#lookIn(this.#idleMs);
    try {
      for (;;) {
        while (this.#waiting.length > 0) yield this.#waiting.shift()!;
        if (this.over) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(this.#timer);
      ended();
    }
  }

  #lookIn(ms: number): void {
    if (ms === Infinity) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(ms, LONGEST_TIMER_MS));
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #look(): void {
    if (this.over) return;
    const leftMs = this.#pushedMs + this.#idleMs - performance.now();
    if (leftMs > 0) return this.#lookIn(leftMs);
    this.#waiting.push({ event: "failed", data: { reason: "abandoned" } });
    this.#over = true;
    this.#wake?.();
  }
}
