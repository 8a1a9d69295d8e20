/**
 * Where answers are started and found: the memory of this process (below), or a log that several processes share
 * (shared/).
 */
import type { Dialect } from "../../dialects/dialect.ts";
import { randomEpoch } from "../../log/cursor.ts";
import type { CheckData } from "../message/check-data.ts";
import type { Refusal } from "../request/refusal.ts";
import { Answer } from "./answer.ts";
import type { AnswerLimits } from "./answer-limits.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { type AnswerSink, type Generate, Producer } from "./producer.ts";

export interface StartRequest {
  readonly id: string;
  readonly generate: Generate<never>;
  readonly dialect: Dialect<never>;
  readonly subscriber: string | undefined;
  /** Start one that failed again. */
  readonly restart: boolean;
}

export interface AnswerStore {
  readonly size: number;
  /** The answer with this id. `dialect` ends it if its producer is lost. */
  find(id: string, dialect: Dialect<never>): Answer | undefined | Promise<Answer | undefined>;
  /** Starts an answer, or finds it where another request was faster. */
  start(request: StartRequest): Answer | Refusal | Promise<Answer | Refusal>;
  /** @returns Whether it was running. */
  stop(answer: Answer): boolean | Promise<boolean>;
  /** Answers that this process produces. */
  producers(): Iterable<Producer>;
  /** @throws What the log throws that keeps them. @param graceMs - A log may take as long to close, and fifteen seconds anyway. */
  close(graceMs: number): void | Promise<void>;
}

export interface StoreOptions {
  readonly limits: AnswerLimits;
  readonly check: CheckData | undefined;
  readonly describe: (error: unknown, id: string) => string | undefined;
  readonly report: (error: unknown, id: string) => void;
}

export function produce(
  options: StoreOptions,
  answer: Answer,
  { dialect, generate }: StartRequest,
  sink: AnswerSink,
): { producer: Producer; run: () => void } {
  const { limits, check, describe, report } = options;
  const { id, epoch } = answer;
  const producer = new Producer({
    id,
    epoch,
    dialect,
    check,
    limits,
    sink,
    describe: (error) => describe(error, id),
    report: (error) => report(error, id),
  });
  return { producer, run: () => void producer.run(generate) };
}

/** Answers in the memory of this process. */
export class MemoryAnswers implements AnswerStore {
  readonly #options: StoreOptions;
  readonly #kept: KeptAnswers;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#kept = new KeptAnswers(options.limits);
  }

  get size(): number {
    return this.#kept.size;
  }

  find(id: string): Answer | undefined {
    return this.#kept.get(id);
  }

  start(request: StartRequest): Answer | Refusal {
    const { id, subscriber, restart } = request;
    // Another request may have been faster.
    const found = this.#kept.get(id);
    if (found !== undefined && !(restart && found.verdict?.complete === false)) return found;
    const refusal = this.#kept.makeRoom(subscriber);
    if (refusal !== undefined) return refusal;
    const answer = new Answer(id, randomEpoch(), Date.now());
    const { producer, run } = produce(this.#options, answer, request, {
      push(text) {
        answer.push(text);
        return undefined;
      },
      end: (verdict, texts) => {
        for (const text of texts) answer.push(text);
        answer.end(verdict, Date.now());
        this.#kept.ended(answer);
      },
    });
    this.#kept.add(answer, producer, subscriber);
    run();
    return answer;
  }

  stop(answer: Answer): boolean {
    const producer = this.#kept.producerOf(answer);
    if (producer === undefined || producer.over) return false;
    producer.stop("stopped");
    return true;
  }

  producers(): Iterable<Producer> {
    return this.#kept.producers();
  }

  close(): void {
    this.#kept.clear();
  }
}
