/**
 * An answer whose messages are pushed, for stores of other packages: their producer appends, where a generator would yield.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Answers } from "../server/answers/answers.ts";

/** What is pushed: a message of our own dialect. */
export interface PushedMessage {
  readonly event?: string;
  readonly data: unknown;
}

/** The answers that a store needs: `createAnswers()`, in our own dialect. */
export type PushableAnswers = Pick<Answers<PushedMessage>, "start" | "read" | "state" | "stop">;

export class PushedAnswer {
  /** Aborts when the answer is stopped, or its log lost. */
  readonly signal: AbortSignal;
  readonly #kept: AsyncIterator<ParsedMessage, undefined>;
  readonly #waiting: PushedMessage[] = [];
  #wake: (() => void) | undefined;
  #over = false;
  /** One push after the other: the ids are read in their order. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(signal: AbortSignal, kept: AsyncIterator<ParsedMessage, undefined>) {
    this.signal = signal;
    this.#kept = kept;
    signal.addEventListener("abort", () => this.#wake?.());
  }

  /**
   * @param restart - Begin one that ended without being complete again.
   * @returns `undefined` when there is an answer with this id.
   */
  static async start(
    answers: PushableAnswers,
    id: string,
    restart = false,
  ): Promise<PushedAnswer | undefined> {
    let pushed: PushedAnswer | undefined;
    const generate = (context: { signal: AbortSignal }): AsyncIterable<PushedMessage> => {
      pushed = new PushedAnswer(context.signal, answers.read(id)[Symbol.asyncIterator]());
      return pushed.#messages();
    };
    await answers.start(id, generate, { restart });
    return pushed;
  }

  /** Whether nothing more can be pushed. */
  get over(): boolean {
    return this.#over || this.signal.aborted;
  }

  /** @returns The id of each message, once it is kept. */
  push(messages: readonly PushedMessage[]): Promise<string[]> {
    if (this.over) return Promise.reject(new TypeError("Cannot append: the answer has ended"));
    for (const message of messages) this.#waiting.push(message);
    this.#wake?.();
    const ids = this.#last.then(async () => {
      const found: string[] = [];
      while (found.length < messages.length) {
        const { done, value } = await this.#kept.next();
        if (done === true) throw new TypeError("Cannot append: the answer has ended");
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

  async *#messages(): AsyncGenerator<PushedMessage, void> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()!;
      if (this.over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
