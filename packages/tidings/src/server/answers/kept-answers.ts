/**
 * The answers of this process: how many may be, which one goes for the next, and what comes due for each.
 */
import type { Refusal } from "../request/refusal.ts";
import { sharedWheel, type Timed, type TimerWheel } from "../time/timer-wheel.ts";
import type { Answer } from "./answer.ts";
import type { AnswerLimits } from "./answer-limits.ts";
import type { Producer } from "./producer.ts";

export class KeptAnswers {
  readonly #limits: AnswerLimits;
  readonly #onForgotten: ((answer: Answer) => void) | undefined;
  readonly #wheel: TimerWheel = sharedWheel();
  readonly #byId = new Map<string, KeptAnswer>();
  /** Answers that run here, by subscriber. */
  readonly #running = new Map<string, number>();

  /** @param onForgotten - Called for an answer that is not kept any more. */
  constructor(limits: AnswerLimits, onForgotten?: (answer: Answer) => void) {
    this.#limits = limits;
    this.#onForgotten = onForgotten;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Answer | undefined {
    return this.#byId.get(id)?.answer;
  }

  producerOf(answer: Answer): Producer | undefined {
    const kept = this.#byId.get(answer.id);
    return kept?.answer === answer ? kept.producer : undefined;
  }

  *producers(): Generator<Producer> {
    for (const { producer } of this.#byId.values()) {
      if (producer !== undefined && !producer.over) yield producer;
    }
  }

  /**
   * @param starting - The subscribers of answers that are about to be added.
   * @returns Why no answer may begin for this subscriber, `undefined` when there is room.
   */
  makeRoom(
    subscriber: string | undefined,
    starting: readonly (string | undefined)[] = [],
  ): Refusal | undefined {
    const { totalBytes, answersPerSubscriber } = this.#limits;
    const answers = this.#limits.answers - starting.length;
    const own = starting.filter((one) => one === subscriber).length;
    if (subscriber !== undefined && (this.#running.get(subscriber) ?? 0) + own >= answersPerSubscriber) {
      return tooMany(429, `${answersPerSubscriber} answers run for ${subscriber} (answersPerSubscriber)`);
    }
    let bytes = 0;
    for (const { answer } of this.#byId.values()) bytes += answer.buffer.bytes;
    // In the order in which they ended: those that end are put behind the others.
    for (const [id, { answer }] of this.#byId) {
      if (this.#byId.size < answers && bytes < totalBytes) return undefined;
      if (answer.endedAtMs === undefined) continue;
      bytes -= answer.buffer.bytes;
      this.#forget(id);
    }
    if (this.#byId.size < answers && bytes < totalBytes) return undefined;
    const limit =
      this.#byId.size < answers ? `${totalBytes} bytes (totalBytes)` : `${this.#limits.answers} (answers)`;
    return tooMany(503, `As many answers as are kept run already: ${limit}`);
  }

  /** Takes up an answer. Without a producer it runs in another process, or has ended. */
  add(answer: Answer, producer: Producer | undefined, subscriber: string | undefined): void {
    this.#forget(answer.id);
    const kept = new KeptAnswer(answer, producer, subscriber, this.#limits, this.#wheel, () =>
      this.#forget(answer.id),
    );
    this.#byId.set(answer.id, kept);
    if (producer !== undefined && subscriber !== undefined) {
      this.#running.set(subscriber, (this.#running.get(subscriber) ?? 0) + 1);
    }
    if (answer.endedAtMs !== undefined) this.ended(answer);
    else if (producer !== undefined && this.#limits.abandonMs !== false) {
      this.#wheel.add(kept, lookMs(this.#limits.abandonMs));
    }
  }

  /** An answer has ended: it is kept for a while. */
  ended(answer: Answer): void {
    const kept = this.#byId.get(answer.id);
    if (kept?.answer !== answer) return;
    this.#release(kept);
    this.#byId.delete(answer.id);
    this.#byId.set(answer.id, kept);
    this.#wheel.add(kept, Math.max(0, answer.endedMs! + this.#limits.keepMs - performance.now()));
  }

  /** Forgets an answer. Who reads it already gets the rest of it. */
  forget(answer: Answer): void {
    if (this.#byId.get(answer.id)?.answer === answer) this.#forget(answer.id);
  }

  clear(): void {
    for (const id of this.#byId.keys()) this.#forget(id);
  }

  #forget(id: string): void {
    const kept = this.#byId.get(id);
    if (kept === undefined) return;
    this.#byId.delete(id);
    this.#wheel.remove(kept);
    this.#release(kept);
    this.#onForgotten?.(kept.answer);
  }

  #release(kept: KeptAnswer): void {
    const { subscriber, producer } = kept;
    kept.producer = undefined;
    if (producer === undefined || subscriber === undefined) return;
    const left = this.#running.get(subscriber)! - 1;
    if (left === 0) this.#running.delete(subscriber);
    else this.#running.set(subscriber, left);
  }
}

class KeptAnswer implements Timed {
  dueTick = 0;
  readonly answer: Answer;
  readonly subscriber: string | undefined;
  producer: Producer | undefined;
  readonly #limits: AnswerLimits;
  readonly #wheel: TimerWheel;
  readonly #onExpired: () => void;
  /** By the wheel's `awakeMs`. */
  #readAtMs: number;

  constructor(
    answer: Answer,
    producer: Producer | undefined,
    subscriber: string | undefined,
    limits: AnswerLimits,
    wheel: TimerWheel,
    onExpired: () => void,
  ) {
    this.answer = answer;
    this.producer = producer;
    this.subscriber = subscriber;
    this.#limits = limits;
    this.#wheel = wheel;
    this.#onExpired = onExpired;
    this.#readAtMs = wheel.awakeMs(performance.now());
  }

  /** @internal Called by the timer wheel. */
  onDue(nowMs: number): number | undefined {
    const { answer, producer } = this;
    const { abandonMs } = this.#limits;
    if (answer.endedAtMs !== undefined) {
      this.#onExpired();
      return undefined;
    }
    if (producer === undefined || abandonMs === false) return undefined;
    const awakeMs = this.#wheel.awakeMs(nowMs);
    if (answer.readers > 0) this.#readAtMs = awakeMs;
    const unreadMs = Math.min(awakeMs - this.#readAtMs, nowMs - answer.readElsewhereAtMs);
    if (unreadMs < abandonMs) return lookMs(abandonMs);
    producer.stop("abandoned");
    return undefined;
  }
}

function lookMs(abandonMs: number): number {
  return Math.min(1_000, abandonMs / 4);
}

function tooMany(status: 429 | 503, detail: string): Refusal {
  return { code: "too-many-answers", status, detail, retryAfter: 2 + Math.floor(Math.random() * 8) };
}
