/**
 * Appends for answers, and tries again while the log may come back. A log that refuses may be down, and then no producer can show in it
 * that it lives: the watch learns of each refusal.
 */
import { isLogError } from "../../../log/foreign-log.ts";
import type { Draft, Log } from "../../../log/log.ts";
import type { Answer } from "../answer.ts";
import type { AnswerTopic } from "./answer-topic.ts";
import type { LogWatch } from "./log-watch.ts";

export interface AppenderOptions {
  readonly log: Log;
  readonly leaseMs: number;
  readonly watch: LogWatch;
  readonly report: (error: unknown, id: string) => void;
}

export interface PatientAppend {
  /** The answer's id, for reports. */
  readonly id: string;
  readonly idempotencyKey?: string | undefined;
  /** Whether to try again. */
  readonly isWanted: () => boolean;
}

/** The first wait before an append is tried again; each further one is twice as long. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;
/** Leases for which an append is tried again, while the log cannot take it. */
const LEASES_OF_TRIES = 3;
/** Bytes of an entry that a log refuses for no reason of the entry's. */
const MOST_OF_A_SIGN = 1_024;

export class Appender {
  readonly #options: AppenderOptions;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** Appends for the producer of an answer, while that runs here. */
  appendFor(topic: AnswerTopic, answer: Answer, draft: Draft, idempotencyKey?: string): Promise<void> {
    const isWanted = (): boolean => topic.answer === answer && answer.verdict === undefined;
    return this.append(draft, { id: topic.id, idempotencyKey, isWanted });
  }

  /** The log may have taken what it did not acknowledge: a topic takes messages that come twice once. */
  async append(draft: Draft, { id, idempotencyKey, isWanted }: PatientAppend): Promise<void> {
    const { leaseMs, watch, report } = this.#options;
    const giveUpMs = performance.now() + leaseMs * LEASES_OF_TRIES;
    let isReported = false;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS, leaseMs / 4)) {
      const askedMs = performance.now();
      try {
        await this.appendOnce(draft, idempotencyKey);
        watch.answered(askedMs);
        return;
      } catch (error) {
        const code = isLogError(error) ? error.code : "";
        const mayPass = code === "busy" || code === "failed";
        if (!mayPass || !isWanted() || performance.now() > giveUpMs) throw error;
        if (code === "failed" && !isReported) report(error, id);
        isReported = true;
      }
      await new Promise((resolve) => void setTimeout(resolve, waitMs));
    }
  }

  async appendOnce(draft: Draft, idempotencyKey: string | undefined): Promise<void> {
    const { log, watch } = this.#options;
    try {
      await log.append([draft], idempotencyKey === undefined ? {} : { idempotencyKey });
    } catch (error) {
      const nowMs = performance.now();
      // A large one may be too large, which says nothing of the log: one answer is not to keep all alive.
      if (draft.body.length <= MOST_OF_A_SIGN) watch.broken(nowMs);
      else watch.doubt(nowMs);
      throw error;
    }
  }
}
