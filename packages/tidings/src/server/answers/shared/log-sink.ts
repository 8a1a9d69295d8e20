/**
 * Brings a producer's messages to the log: together, at most once in `joinMs`, the first in the next turn. One append is under way at a
 * time, so that messages arrive in order and those that come meanwhile go with the next.
 */
import type { AnswerVerdict } from "../../../dialects/dialect.ts";
import { inNextTurn } from "../../../guard/in-next-turn.ts";
import type { AnswerSink } from "../producer.ts";
import type { JoinClock } from "./join-clock.ts";

/** A producer waits while more text than this is not yet in the log. */
const MOST_WAITING = 262_144;

export interface LogSinkOptions {
  readonly clock: JoinClock;
  /** Appends messages, and the end behind them. Retries what can be retried. */
  readonly append: (body: Uint8Array, verdict: AnswerVerdict | undefined) => Promise<void>;
  /** The log could not take them: nothing more is appended. */
  readonly onFailed: (error: unknown) => void;
}

export class LogSink implements AnswerSink {
  readonly #options: LogSinkOptions;
  #texts: string[] = [];
  #length = 0;
  #verdict: AnswerVerdict | undefined;
  #flying = false;
  #over = false;
  #appendedMs = -Infinity;
  /** When it appends what waits, by `performance.now()`. */
  #dueMs: number | undefined;
  #waiting: (() => void)[] = [];
  readonly #onDone: (() => void)[] = [];

  constructor(options: LogSinkOptions) {
    this.#options = options;
  }

  push(text: string): Promise<void> | undefined {
    if (this.#over) return undefined;
    this.#texts.push(text);
    this.#length += text.length;
    this.#schedule();
    if (this.#length < MOST_WAITING) return undefined;
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  end(verdict: AnswerVerdict, texts: readonly string[]): void {
    if (this.#over) return;
    this.#texts.push(...texts);
    this.#verdict = verdict;
    this.#cancel();
    this.#fly();
  }

  /** Resolves when nothing is under way, and nothing more will be. */
  done(): Promise<void> {
    return this.#over ? Promise.resolve() : new Promise((resolve) => void this.#onDone.push(resolve));
  }

  /** Another process ended the answer: drops what waits. */
  stop(): void {
    this.#cancel();
    this.#over = true;
    this.#texts = [];
    this.#release();
    for (const resolve of this.#onDone.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#flying || this.#dueMs !== undefined) return;
    const { clock } = this.#options;
    const nowMs = performance.now();
    const dueMs = this.#appendedMs + clock.joinMs;
    if (dueMs > nowMs) {
      this.#dueMs = clock.at(dueMs, this.#onDue);
      return;
    }
    this.#dueMs = nowMs;
    // A later turn, so that what comes in this one goes together.
    inNextTurn(this.#onDue);
  }

  #cancel(): void {
    if (this.#dueMs !== undefined) this.#options.clock.cancel(this.#dueMs, this.#onDue);
    this.#dueMs = undefined;
  }

  readonly #onDue = (): void => {
    if (this.#dueMs === undefined) return;
    // Not when it was called: the next is not to wait for a later time because this one was late.
    this.#appendedMs = this.#dueMs;
    this.#dueMs = undefined;
    this.#fly();
  };

  #fly(): void {
    if (this.#flying || this.#over) return;
    this.#flying = true;
    const body = utf8.encode(this.#texts.join(""));
    const verdict = this.#verdict;
    this.#texts = [];
    this.#length = 0;
    this.#options.append(body, verdict).then(
      () => {
        this.#flying = false;
        this.#release();
        if (this.#over) return;
        if (verdict !== undefined) this.stop();
        else if (this.#verdict !== undefined) this.#fly();
        else if (this.#texts.length > 0) this.#schedule();
      },
      (error: unknown) => {
        if (this.#over) return;
        this.stop();
        this.#options.onFailed(error);
      },
    );
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const utf8 = new TextEncoder();
