/**
 * One answer: its messages, how it ended, and who reads it. It does not know who produces it: a generator of this process, or
 * another process by way of the log.
 */
import type { AnswerVerdict } from "../../dialects/dialect.ts";
import { parseCursor } from "../../log/cursor.ts";
import { AnswerBuffer } from "./answer-buffer.ts";

/**
 * Why an answer is not complete.
 * - `"failed"`: the generator threw, yielded what cannot be sent, or said itself that it failed.
 * - `"too-long"`: it made more than is kept.
 * - `"stopped"`: the application stopped it.
 * - `"abandoned"`: nobody read it for `abandonMs`.
 * - `"lost"`: the process that produced it went away: it died, or shut down before the answer was complete.
 */
export type AnswerEnd = "failed" | "too-long" | "stopped" | "abandoned" | "lost";

/** Who reads an answer. */
export interface AnswerListener {
  /** There are more messages, or it has ended, or was dropped. */
  wake(): void;
}

const NOW = Promise.resolve();

export class Answer {
  readonly id: string;
  /** Random for each run: the part of a cursor before the dot. A message's number is the part behind it, from 1. */
  readonly epoch: string;
  readonly buffer: AnswerBuffer = new AnswerBuffer();
  readonly startedAtMs: number;
  /** Undefined while it runs. */
  verdict: AnswerVerdict | undefined;
  endedAtMs: number | undefined;
  /** When it ended, by `performance.now()`: clocks may be wrong, and jump. */
  endedMs: number | undefined;
  /** It cannot be read to its end here: its readers are cut, and may return. */
  dropped = false;
  /** When another process last said that it has readers, by `performance.now()`. */
  readElsewhereAtMs: number = -Infinity;
  readonly #listeners = new Set<AnswerListener>();
  #waking = false;

  constructor(id: string, epoch: string, startedAtMs: number) {
    this.id = id;
    this.epoch = epoch;
    this.startedAtMs = startedAtMs;
  }

  get readers(): number {
    return this.#listeners.size;
  }

  /** The cursor behind its newest message. */
  get cursor(): string {
    return this.buffer.length === 0 ? "" : `${this.epoch}.${this.buffer.length}`;
  }

  /** How many messages a reader with this cursor has. Undefined when the cursor belongs to another answer. */
  positionOf(cursor: string): number | undefined {
    if (cursor === "") return 0;
    const given = parseCursor(cursor);
    if (given?.epoch !== this.epoch) return undefined;
    // Another process may have told more than has arrived here.
    return this.verdict !== undefined && given.offset > this.buffer.length ? undefined : given.offset;
  }

  listen(listener: AnswerListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: AnswerListener): void {
    this.#listeners.delete(listener);
  }

  push(text: string): void {
    if (this.verdict !== undefined) return;
    this.buffer.push(text);
    this.#wake();
  }

  pushBytes(bytes: Uint8Array): void {
    if (this.verdict !== undefined) return;
    this.buffer.pushBytes(bytes);
    this.#wake();
  }

  /** Nothing more comes. Does nothing when it has ended already. @param ageMs - How long ago it ended. */
  end(verdict: AnswerVerdict, atMs: number, ageMs = 0): void {
    if (this.verdict !== undefined) return;
    this.verdict = verdict;
    this.endedAtMs = atMs;
    this.endedMs = performance.now() - ageMs;
    this.buffer.seal();
    this.#wake();
  }

  drop(): void {
    this.dropped = true;
    this.#wake();
  }

  /** In a later microtask, so that messages of one turn go out together. */
  #wake(): void {
    if (this.#waking || this.#listeners.size === 0) return;
    this.#waking = true;
    // Not queueMicrotask: in Node each of its calls has a resource of its own, and answers wake often.
    void NOW.then(this.#onWake);
  }

  readonly #onWake = (): void => {
    this.#waking = false;
    for (const listener of this.#listeners) listener.wake();
  };
}
