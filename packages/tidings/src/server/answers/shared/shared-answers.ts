/**
 * Answers in a log, which several processes share: each is produced by one of them under a lease, and read in any. An answer
 * is a topic: see answer-topic.ts for its entries, answer-topics.ts for those that this process follows, and leases.ts for what is done
 * about a producer that is lost.
 */
import { within } from "../../../guard/within.ts";
import type { AnswerVerdict, Dialect } from "../../../dialects/dialect.ts";
import { randomEpoch } from "../../../log/cursor.ts";
import { closeLog } from "../../../log/foreign-log.ts";
import type { Log } from "../../../log/log.ts";
import type { Refusal } from "../../request/refusal.ts";
import type { Answer } from "../answer.ts";
import { type AnswerStore, produce, type StartRequest, type StoreOptions } from "../answer-store.ts";
import type { AnswerTopic } from "./answer-topic.ts";
import { AnswerTopics } from "./answer-topics.ts";
import { Appender } from "./appender.ts";
import { JoinClock } from "./join-clock.ts";
import { KeptAnswers } from "../kept-answers.ts";
import { Leases, lookMsOf } from "./leases.ts";
import { LogSink } from "./log-sink.ts";
import { LogWatch } from "./log-watch.ts";
import type { Producer } from "../producer.ts";

export interface SharedOptions extends StoreOptions {
  readonly log: Log;
  readonly leaseMs: number;
  readonly joinMs: number;
}

export class SharedAnswers implements AnswerStore {
  readonly #options: SharedOptions;
  readonly #kept: KeptAnswers;
  readonly #clock: JoinClock;
  readonly #topics: AnswerTopics;
  readonly #appender: Appender;
  readonly #leases: Leases;
  /** Starts under way here, by epoch. */
  readonly #starting = new Map<string, StartRequest>();
  #closed = false;

  constructor(options: SharedOptions) {
    this.#options = options;
    const { limits, leaseMs, joinMs, log } = options;
    this.#clock = new JoinClock(joinMs);
    this.#kept = new KeptAnswers(limits, (answer) => this.#forget(answer));
    const lookMs = lookMsOf(leaseMs, limits);
    const watch = new LogWatch({
      leaseMs,
      lookMs,
      ask: async () => (await this.#topics.open(), log.head()),
      onBroken: (nowMs) => this.#leases.heardNobody(nowMs),
    });
    this.#topics = new AnswerTopics({
      ...options,
      events: {
        onStart: (topic, answer) => this.#started(topic, answer),
        onEnd: (_topic, answer) => this.#kept.ended(answer),
        onDropped: (answer) => this.#kept.forget(answer),
      },
      startingIds: () => new Set([...this.#starting.values()].map(({ id }) => id)),
      onInterrupted: (isInterrupted) => watch.interrupted(isInterrupted),
    });
    this.#appender = new Appender({ ...options, watch });
    this.#leases = new Leases({ ...options, lookMs, watch, topics: this.#topics, appender: this.#appender });
    void this.#topics.open().catch(() => undefined);
  }

  get size(): number {
    return this.#kept.size;
  }

  async find(id: string, dialect: Dialect<never>): Promise<Answer | undefined> {
    return this.#current((await this.#topics.follow(id, dialect)).topic);
  }

  async start(request: StartRequest): Promise<Answer | Refusal> {
    const { id, dialect, restart, subscriber } = request;
    let follower = await this.#topics.follow(id, dialect);
    const { topic } = follower;
    const found = this.#current(topic);
    if (found !== undefined && !(restart && found.verdict?.complete === false)) return found;
    // Those that the log has not taken yet count too: many may be asked for at once.
    const starting = [...this.#starting.values()].map((one) => one.subscriber);
    const refusal = this.#kept.makeRoom(subscriber, starting);
    if (refusal !== undefined) return refusal;
    const epoch = randomEpoch();
    this.#starting.set(epoch, request);
    try {
      await this.#appender.append(topic.draft("start", epoch), {
        id,
        // Where another process knew the same of the topic and was faster, this one appends nothing.
        idempotencyKey: `answer-start/${topic.tip}`,
        isWanted: () => !this.#closed,
      });
      // The answer that it replaces may have been forgotten, and its topic with it.
      if (this.#topics.get(id) !== follower) follower = await this.#topics.follow(id, dialect);
      else if (topic.answer?.epoch !== epoch) await follower.catchUp();
    } finally {
      this.#starting.delete(epoch);
    }
    const { answer } = follower.topic;
    if (answer === undefined) throw new Error(`Cannot start answer ${id}: its start is not in the log`);
    return answer;
  }

  async stop(answer: Answer): Promise<boolean> {
    const topic = this.#topics.get(answer.id)?.topic;
    if (answer.verdict !== undefined || topic?.answer !== answer) return false;
    if (topic.run !== undefined) {
      if (topic.run.producer.over) return false;
      topic.run.producer.stop("stopped");
    } else {
      const options = { idempotencyKey: `answer-stop/${answer.epoch}` };
      await this.#options.log.append([topic.draft("stop", answer.epoch)], options);
    }
    return true;
  }

  producers(): Iterable<Producer> {
    return this.#kept.producers();
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#leases.stop();
    // What does not get into the log within the lease is lost to others anyway.
    const runs = [...this.#topics].flatMap(({ topic }) => topic.run ?? []);
    await within(this.#options.leaseMs, Promise.all(runs.map(({ sink }) => sink.done())));
    this.#kept.clear();
    await closeLog(this.#options.log, graceMs);
  }

  #started(topic: AnswerTopic, answer: Answer): void {
    const request = this.#starting.get(answer.epoch);
    if (request === undefined) return this.#kept.add(answer, undefined, undefined);
    // From here on it counts as one that runs.
    this.#starting.delete(answer.epoch);
    const sink = this.#sinkOf(topic, answer);
    const { producer, run } = produce(this.#options, answer, request, sink);
    topic.dialect = request.dialect;
    topic.run = { producer, sink };
    this.#kept.add(answer, producer, request.subscriber);
    // The log is still handing on.
    queueMicrotask(run);
  }

  #sinkOf(topic: AnswerTopic, answer: Answer): LogSink {
    const { epoch, id } = answer;
    return new LogSink({
      clock: this.#clock,
      append: async (body, verdict) => {
        topic.appendedMs = performance.now();
        if (verdict === undefined) {
          return this.#appender.appendFor(topic, answer, topic.draft("data", epoch, body));
        }
        const end = topic.draft("end", epoch, body, detailOf(verdict));
        return this.#appender.appendFor(topic, answer, end, `answer-end/${epoch}`);
      },
      onFailed: (error) => {
        this.#options.report(error, id);
        if (topic.answer === answer) topic.drop();
      },
    });
  }

  /** The answer of a topic, unless it ended too long ago. */
  #current({ answer }: AnswerTopic): Answer | undefined {
    if (answer?.endedMs === undefined) return answer;
    return answer.endedMs + this.#options.limits.keepMs > performance.now() ? answer : undefined;
  }

  /** It was kept long enough, or went for another. */
  #forget(answer: Answer): void {
    const follower = this.#topics.get(answer.id);
    if (follower?.topic.answer === answer && follower.topic.run === undefined) {
      this.#topics.unfollow(follower);
    }
  }
}

function detailOf(verdict: AnswerVerdict): string {
  return verdict.complete ? "complete" : verdict.reason.replaceAll(":", "-").slice(0, 64);
}
