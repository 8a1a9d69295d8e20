/**
 * Answers in a log, which several processes share: each is produced by one of them under a lease, and read in any. An answer
 * is a topic; see answer-topic.ts for its entries. This process follows the topics of answers that are produced or read here.
 */
import type { AnswerVerdict, Dialect } from "../../../dialects/dialect.ts";
import { randomEpoch } from "../../../log/cursor.ts";
import { type Draft, type Log, LogError, type Tail } from "../../../log/log.ts";
import { checkTopic } from "../../topics/topic-selection.ts";
import { sharedWheel, type Timed } from "../../time/timer-wheel.ts";
import type { Refusal } from "../../request/refusal.ts";
import type { Answer } from "../answer.ts";
import { type AnswerStore, produce, type StartRequest, type StoreOptions } from "../answer-store.ts";
import { AnswerTopic } from "./answer-topic.ts";
import { JoinClock } from "./join-clock.ts";
import { KeptAnswers } from "../kept-answers.ts";
import { LogSink } from "./log-sink.ts";
import type { Producer } from "../producer.ts";
import { TopicFollower } from "./topic-follower.ts";

export interface SharedOptions extends StoreOptions {
  readonly log: Log;
  readonly leaseMs: number;
  readonly joinMs: number;
}

/** How long an answer that nobody reads or produces here is followed. */
const IDLE_MS = 5_000;
const MOST_TRIES = 5;
/** Topics that are followed, before those without an answer are given up. */
const MOST_FOLLOWED = 5_000;
const LEAST_FOLLOWED_MS = 1_000;

export class SharedAnswers implements AnswerStore, Timed {
  dueTick = 0;
  readonly #options: SharedOptions;
  readonly #kept: KeptAnswers;
  readonly #clock: JoinClock;
  readonly #followers = new Map<string, TopicFollower>();
  /** Starts under way here, by epoch. */
  readonly #starting = new Map<string, StartRequest>();
  #madeRoomMs = -Infinity;
  #opening: Promise<unknown> | undefined;
  #through = 0;
  #interrupted = false;
  #closed = false;

  constructor(options: SharedOptions) {
    this.#options = options;
    this.#clock = new JoinClock(options.joinMs);
    this.#kept = new KeptAnswers(options.limits, (answer) => this.#forget(answer));
    void this.#open().catch(() => undefined);
    sharedWheel().add(this, this.#lookMs);
  }

  get size(): number {
    return this.#kept.size;
  }

  async find(id: string, dialect: Dialect<never>): Promise<Answer | undefined> {
    return this.#current((await this.#follow(id, dialect)).topic);
  }

  async start(request: StartRequest): Promise<Answer | Refusal> {
    const { id, dialect, restart, subscriber } = request;
    let follower = await this.#follow(id, dialect);
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
      const start = topic.draft("start", epoch);
      // Where another process knew the same of the topic and was faster, this one appends nothing.
      await this.#options.log.append([start], { idempotencyKey: `answer-start/${topic.tip}` });
      // The answer that it replaces may have been forgotten, and its topic with it.
      if (this.#followers.get(topic.topic) !== follower) follower = await this.#follow(id, dialect);
      else if (topic.answer?.epoch !== epoch) await follower.catchUp();
    } finally {
      this.#starting.delete(epoch);
    }
    const { answer } = follower.topic;
    if (answer === undefined) throw new Error(`Cannot start answer ${id}: its start is not in the log`);
    return answer;
  }

  async stop(answer: Answer): Promise<boolean> {
    const topic = this.#followers.get(this.#topicOf(answer.id))?.topic;
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

  async close(): Promise<void> {
    this.#closed = true;
    sharedWheel().remove(this);
    // What does not get into the log within the lease is lost to others anyway.
    const runs = [...this.#followers.values()].flatMap(({ topic }) => topic.run ?? []);
    await within(this.#options.leaseMs, Promise.all(runs.map(({ sink }) => sink.done())));
    this.#kept.clear();
    await this.#options.log.close();
  }

  /** @internal Called by the timer wheel. */
  onDue(nowMs: number): number | undefined {
    if (this.#closed) return undefined;
    for (const follower of this.#followers.values()) this.#look(follower, nowMs);
    return this.#lookMs;
  }

  get #lookMs(): number {
    const { leaseMs, limits } = this.#options;
    // Often enough that a reader here is known elsewhere before its answer counts as abandoned.
    const abandonMs = limits.abandonMs === false ? Infinity : limits.abandonMs;
    return Math.min(1_000, leaseMs / 4, abandonMs / 6);
  }

  #look(follower: TopicFollower, nowMs: number): void {
    const { leaseMs, limits } = this.#options;
    const { topic } = follower;
    const { answer, run } = topic;
    const sinceMs = nowMs - topic.appendedMs;
    if (answer !== undefined && answer.readers > 0) topic.usedMs = nowMs;
    if (answer !== undefined && answer.verdict === undefined && !this.#interrupted) {
      if (run !== undefined) {
        if (sinceMs >= leaseMs / 3) this.#tell(topic, topic.draft("lease", answer.epoch));
      } else if (nowMs - topic.seenMs > leaseMs) {
        // It may append after all: whichever end comes first counts.
        this.#tell(topic, topic.lostEnd(answer), `answer-end/${answer.epoch}`);
      } else if (limits.abandonMs !== false && answer.readers > 0 && sinceMs >= limits.abandonMs / 3) {
        this.#tell(topic, topic.draft("read", answer.epoch));
      }
    }
    const isUsed = run !== undefined || follower.isCatchingUp;
    if (!isUsed && nowMs - topic.usedMs > Math.max(IDLE_MS, leaseMs * 2)) this.#unfollow(follower);
  }

  /** Appends what nobody waits for. */
  #tell(topic: AnswerTopic, draft: Draft, idempotencyKey?: string): void {
    topic.appendedMs = performance.now();
    this.#append([draft], idempotencyKey).catch((error: unknown) => this.#options.report(error, topic.id));
  }

  async #append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#options.log.append(drafts, idempotencyKey === undefined ? {} : { idempotencyKey });
        return;
      } catch (error) {
        const mayPass = error instanceof LogError && error.code === "busy";
        if (!mayPass || tries >= MOST_TRIES) throw error;
        await new Promise((resolve) => void setTimeout(resolve, 100 * tries));
      }
    }
  }

  async #open(): Promise<void> {
    const { log, limits } = this.#options;
    this.#opening ??= log
      .open({
        retention: {
          messages: Number.MAX_SAFE_INTEGER,
          bytes: limits.totalBytes,
          // An answer outlives its end, so its beginning has to outlive the answer too.
          ageMs: limits.keepMs + LONGEST_ANSWER_MS,
        },
        onTail: (tail) => this.#take(tail),
        onReset: () => {
          for (const follower of this.#followers.values()) this.#unfollow(follower);
          this.#through = 0;
        },
        onState: (state) => {
          this.#interrupted = state === "interrupted";
          const nowMs = performance.now();
          // Signs of life were not seen meanwhile.
          for (const { topic } of this.#followers.values()) topic.seenMs = nowMs;
        },
        onError: (error) => this.#options.report(error, ""),
      })
      .then(({ head }) => (this.#through = Math.max(this.#through, head)));
    try {
      await this.#opening;
    } catch (error) {
      // The next request tries again.
      this.#opening = undefined;
      throw error;
    }
  }

  #take({ after, through, entries }: Tail): void {
    const isWhole = after <= this.#through;
    this.#through = through;
    if (!isWhole) {
      for (const follower of this.#followers.values()) {
        follower.catchUp().catch((error: unknown) => this.#options.report(error, follower.topic.id));
      }
      return;
    }
    for (const entry of entries) this.#followers.get(entry.topic)?.take(entry);
  }

  /** Follows the topic of an answer. Resolves when everything is known that the log had of it. */
  async #follow(id: string, dialect: Dialect<never>): Promise<TopicFollower> {
    await this.#open();
    const name = this.#topicOf(id);
    let follower = this.#followers.get(name);
    if (follower === undefined) {
      if (this.#followers.size >= MOST_FOLLOWED) this.#unfollowUnknown();
      const topic = new AnswerTopic(id, name, dialect, {
        onStart: (topic, answer) => this.#started(topic, answer),
        onEnd: (_topic, answer) => this.#kept.ended(answer),
      });
      const made = new TopicFollower({
        log: this.#options.log,
        topic,
        onFailed: (error, isTold) => {
          if (!isTold) this.#options.report(error, id);
          // The next call starts again.
          this.#unfollow(made);
        },
      });
      this.#followers.set(name, made);
      follower = made;
    }
    const { topic } = follower;
    if (topic.run === undefined) topic.dialect = dialect;
    topic.usedMs = performance.now();
    await follower.known;
    return follower;
  }

  /** Ids that have no answer may be asked for at any rate: those that nobody waits for make room. */
  #unfollowUnknown(): void {
    const sinceMs = performance.now() - LEAST_FOLLOWED_MS;
    // Seldom, since it looks at all of them.
    if (this.#madeRoomMs > sinceMs) return;
    this.#madeRoomMs = performance.now();
    const starting = new Set([...this.#starting.values()].map(({ id }) => id));
    for (const follower of this.#followers.values()) {
      const { answer, usedMs, id } = follower.topic;
      if (answer === undefined && !follower.isCatchingUp && usedMs < sinceMs && !starting.has(id)) {
        this.#unfollow(follower);
      }
    }
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
        if (verdict === undefined) return this.#append([topic.draft("data", epoch, body)], undefined);
        const end = topic.draft("end", epoch, body, detailOf(verdict));
        return this.#append([end], `answer-end/${epoch}`);
      },
      onFailed: (error) => {
        this.#options.report(error, id);
        if (topic.answer !== answer) return;
        topic.drop();
        this.#kept.forget(answer);
      },
    });
  }

  /** The answer of a topic, unless it ended too long ago. */
  #current({ answer }: AnswerTopic): Answer | undefined {
    if (answer?.endedAtMs === undefined) return answer;
    return answer.endedAtMs + this.#options.limits.keepMs > Date.now() ? answer : undefined;
  }

  /** It was kept long enough, or went for another. */
  #forget(answer: Answer): void {
    const follower = this.#followers.get(this.#topicOf(answer.id));
    if (follower?.topic.answer === answer && follower.topic.run === undefined) this.#unfollow(follower);
  }

  #unfollow(follower: TopicFollower): void {
    const { topic } = follower;
    if (this.#followers.get(topic.topic) !== follower) return;
    this.#followers.delete(topic.topic);
    follower.stop();
    const { answer } = topic;
    topic.drop();
    if (answer !== undefined) this.#kept.forget(answer);
  }

  #topicOf(id: string): string {
    return `answer/${id}`;
  }
}

/** Of an answer that runs longer, the beginning is lost. */
const LONGEST_ANSWER_MS = 6 * 3_600_000;

/** Whether an id can be part of a topic. */
export function isSharedId(id: string): boolean {
  try {
    checkTopic("answer", `answer/${id}`);
    return true;
  } catch {
    return false;
  }
}

/** Resolves with the promise, or after a time. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([promise, new Promise((resolve) => void (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function detailOf(verdict: AnswerVerdict): string {
  return verdict.complete ? "complete" : verdict.reason.replaceAll(":", "-").slice(0, 64);
}
