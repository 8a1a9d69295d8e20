/**
 * Who produces an answer holds its lease. A process renews the leases of its own answers, ends those that others let run out, and says
 * of answers elsewhere that it has readers.
 */
import { sharedWheel, type Timed } from "../../time/timer-wheel.ts";
import type { Log } from "../../../log/log.ts";
import type { Answer } from "../answer.ts";
import type { AnswerLimits } from "../answer-limits.ts";
import type { AnswerTopic } from "./answer-topic.ts";
import type { AnswerTopics } from "./answer-topics.ts";
import type { Appender } from "./appender.ts";
import type { LogWatch } from "./log-watch.ts";
import type { TopicFollower } from "./topic-follower.ts";

export interface LeasesOptions {
  readonly log: Log;
  readonly limits: AnswerLimits;
  readonly leaseMs: number;
  readonly lookMs: number;
  readonly topics: AnswerTopics;
  readonly watch: LogWatch;
  readonly appender: Appender;
  readonly report: (error: unknown, id: string) => void;
}

/** How long an answer that nobody reads or produces here is followed. */
const IDLE_MS = 5_000;

export class Leases implements Timed {
  dueTick = 0;
  readonly #options: LeasesOptions;
  #stopped = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    sharedWheel().add(this, options.lookMs);
  }

  stop(): void {
    this.#stopped = true;
    sharedWheel().remove(this);
  }

  /** Signs of life, and of readers elsewhere, were not seen for a while: the time for which nobody read begins anew. */
  heardNobody(nowMs: number): void {
    for (const { topic } of this.#options.topics) {
      if (topic.run !== undefined && topic.answer !== undefined) topic.answer.readElsewhereAtMs = nowMs;
    }
  }

  /** @internal Called by the timer wheel. */
  onDue(nowMs: number): number | undefined {
    if (this.#stopped) return undefined;
    const { watch, topics, lookMs } = this.#options;
    watch.look(nowMs, this.#isAnySilent(nowMs));
    for (const follower of topics) this.#look(follower, nowMs);
    return lookMs;
  }

  /** Whether a producer elsewhere may be lost. */
  #isAnySilent(nowMs: number): boolean {
    const { topics, leaseMs } = this.#options;
    for (const { topic } of topics) {
      if (topic.isRunningElsewhere && nowMs - topic.seenMs > leaseMs / 4) return true;
    }
    return false;
  }

  #look(follower: TopicFollower, nowMs: number): void {
    const { log, leaseMs, limits, topics, watch } = this.#options;
    const { topic } = follower;
    const { answer, run } = topic;
    const sinceMs = nowMs - topic.appendedMs;
    if (answer !== undefined && answer.readers > 0) topic.usedMs = nowMs;
    if (answer !== undefined && answer.verdict === undefined) {
      if (run !== undefined) {
        if (sinceMs >= leaseMs / 3) this.#renew(topic, answer);
      } else if (watch.silentMs(topic.seenMs, nowMs) > leaseMs) {
        this.#endLost(follower, answer);
      } else if (limits.abandonMs !== false && answer.readers > 0 && sinceMs >= limits.abandonMs / 3) {
        topic.appendedMs = nowMs;
        this.#reportFailure(topic, log.append([topic.draft("read", answer.epoch)]));
      }
    }
    const isUsed = run !== undefined || follower.isCatchingUp;
    if (!isUsed && nowMs - topic.usedMs > Math.max(IDLE_MS, leaseMs * 2)) topics.unfollow(follower);
  }

  #renew(topic: AnswerTopic, answer: Answer): void {
    // One that is under way is tried until the log takes it.
    if (topic.renewing) return;
    topic.renewing = true;
    topic.appendedMs = performance.now();
    const renewed = this.#options.appender.appendFor(topic, answer, topic.draft("lease", answer.epoch));
    this.#reportFailure(
      topic,
      renewed.finally(() => (topic.renewing = false)),
    );
  }

  /** Ends an answer whose producer gave no sign of life for a lease, if that is so in the log too. */
  #endLost(follower: TopicFollower, answer: Answer): void {
    const { topic } = follower;
    if (topic.ending) return;
    topic.ending = true;
    const { appender, leaseMs, report, watch } = this.#options;
    const end = async (): Promise<void> => {
      const askedMs = performance.now();
      await follower.catchUp();
      if (!watch.answered(askedMs) || topic.answer !== answer || answer.verdict !== undefined) return;
      if (watch.silentMs(topic.seenMs, performance.now()) <= leaseMs) return;
      const { draft, idempotencyKey } = topic.lostEnd(answer, (error) => report(error, topic.id));
      // Once: where this process cannot append, the producer may not be able to either.
      await appender.appendOnce(draft, idempotencyKey);
    };
    this.#reportFailure(
      topic,
      end().finally(() => (topic.ending = false)),
    );
  }

  /** Nobody waits for it. */
  #reportFailure(topic: AnswerTopic, done: Promise<unknown>): void {
    done.catch((error: unknown) => this.#options.report(error, topic.id));
  }
}

/** Between two looks at all answers: often enough that a reader here is known elsewhere before its answer counts as abandoned. */
export function lookMsOf(leaseMs: number, limits: AnswerLimits): number {
  const abandonMs = limits.abandonMs === false ? Infinity : limits.abandonMs;
  return Math.min(1_000, leaseMs / 4, abandonMs / 6);
}
