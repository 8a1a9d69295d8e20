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
import { KeptAnswers } from "../kept-answers.ts";
import { LogSink } from "./log-sink.ts";
import type { Producer } from "../producer.ts";

export interface SharedOptions extends StoreOptions {
  readonly log: Log;
  readonly leaseMs: number;
  readonly joinMs: number;
}

const PAGE_MESSAGES = 1_000;
const PAGE_BYTES = 2 ** 20;
/** How long an answer that nobody reads or produces here is followed. */
const IDLE_MS = 5_000;
const MOST_TRIES = 5;

export class SharedAnswers implements AnswerStore, Timed {
  dueTick = 0;
  readonly #options: SharedOptions;
  readonly #kept: KeptAnswers;
  readonly #topics = new Map<string, AnswerTopic>();
  /** Starts under way here, by epoch. */
  readonly #starting = new Map<string, StartRequest>();
  #opening: Promise<unknown> | undefined;
  #through = 0;
  #interrupted = false;
  #closed = false;

  constructor(options: SharedOptions) {
    this.#options = options;
    this.#kept = new KeptAnswers(options.limits, (answer) => this.#forget(answer));
    void this.#open().catch(() => undefined);
    sharedWheel().add(this, this.#lookMs);
  }

  get size(): number {
    return this.#kept.size;
  }

  async find(id: string, dialect: Dialect<never>): Promise<Answer | undefined> {
    return this.#current(await this.#follow(id, dialect));
  }

  async start(request: StartRequest): Promise<Answer | Refusal> {
    const { id, dialect, restart, subscriber } = request;
    const topic = await this.#follow(id, dialect);
    const found = this.#current(topic);
    if (found !== undefined && !(restart && found.verdict?.complete === false)) return found;
    const refusal = this.#kept.makeRoom(subscriber);
    if (refusal !== undefined) return refusal;
    const epoch = randomEpoch();
    this.#starting.set(epoch, request);
    try {
      const start = topic.draft("start", epoch);
      // Where another process knew the same of the topic and was faster, this one appends nothing.
      await this.#options.log.append([start], { idempotencyKey: `answer-start/${topic.tip}` });
      if (topic.answer?.epoch !== epoch) await this.#catchUp(topic);
    } finally {
      this.#starting.delete(epoch);
    }
    if (topic.answer === undefined) throw new Error(`Cannot start answer ${id}: its start is not in the log`);
    return topic.answer;
  }

  async stop(answer: Answer): Promise<boolean> {
    const topic = this.#topics.get(this.#topicOf(answer.id));
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
    const runs = [...this.#topics.values()].flatMap(({ run }) => run ?? []);
    await within(this.#options.leaseMs, Promise.all(runs.map(({ sink }) => sink.done())));
    this.#kept.clear();
    await this.#options.log.close();
  }

  /** @internal Called by the timer wheel. */
  onDue(nowMs: number): number | undefined {
    if (this.#closed) return undefined;
    for (const topic of this.#topics.values()) this.#look(topic, nowMs);
    return this.#lookMs;
  }

  get #lookMs(): number {
    const { leaseMs, limits } = this.#options;
    // Often enough that a reader here is known elsewhere before its answer counts as abandoned.
    const abandonMs = limits.abandonMs === false ? Infinity : limits.abandonMs;
    return Math.min(1_000, leaseMs / 4, abandonMs / 6);
  }

  #look(topic: AnswerTopic, nowMs: number): void {
    const { leaseMs, limits } = this.#options;
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
    const isUsed = run !== undefined || topic.catchingUp !== undefined;
    if (!isUsed && nowMs - topic.usedMs > Math.max(IDLE_MS, leaseMs * 2)) this.#unfollow(topic);
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
          for (const topic of this.#topics.values()) this.#unfollow(topic);
          this.#through = 0;
        },
        onState: (state) => {
          this.#interrupted = state === "interrupted";
          const nowMs = performance.now();
          // Signs of life were not seen meanwhile.
          for (const topic of this.#topics.values()) topic.seenMs = nowMs;
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
      for (const topic of this.#topics.values()) this.#catchUpLater(topic);
      return;
    }
    for (const entry of entries) {
      const topic = this.#topics.get(entry.topic);
      if (topic === undefined) continue;
      if (topic.catchingUp !== undefined) topic.behind = true;
      else if (entry.offset > topic.offset) topic.apply(entry);
    }
  }

  /** The topic of an answer, with everything that the log has of it. */
  async #follow(id: string, dialect: Dialect<never>): Promise<AnswerTopic> {
    await this.#open();
    const name = this.#topicOf(id);
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new AnswerTopic(id, name, dialect, {
        onStart: (topic, answer) => this.#started(topic, answer),
        onEnd: (_topic, answer) => this.#kept.ended(answer),
      });
      this.#topics.set(name, topic);
      const opened = topic;
      topic.catchingUp = (async () => {
        await this.#options.log.follow?.([name]);
        await this.#read(opened);
      })();
      this.#settle(topic);
    }
    if (topic.run === undefined) topic.dialect = dialect;
    topic.usedMs = performance.now();
    await topic.catchingUp;
    return topic;
  }

  #catchUp(topic: AnswerTopic): Promise<void> {
    topic.behind = true;
    if (topic.catchingUp === undefined) {
      topic.catchingUp = this.#read(topic);
      this.#settle(topic);
    }
    return topic.catchingUp;
  }

  #catchUpLater(topic: AnswerTopic): void {
    this.#catchUp(topic).catch((error: unknown) => this.#options.report(error, topic.id));
  }

  #settle(topic: AnswerTopic): void {
    topic.catchingUp!.then(
      () => {
        topic.catchingUp = undefined;
        if (topic.behind) this.#catchUpLater(topic);
      },
      // Those that wait for it get the error; the next call starts again.
      () => this.#unfollow(topic),
    );
  }

  /** Applies everything that the log has behind what is known. */
  async #read(topic: AnswerTopic): Promise<void> {
    for (;;) {
      topic.behind = false;
      const after = topic.offset;
      const page = await this.#options.log.read({
        topics: topic.selection,
        after,
        maxMessages: PAGE_MESSAGES,
        maxBytes: PAGE_BYTES,
      });
      if (page.lostThrough > after) topic.lose(page.lostThrough);
      for (const entry of page.entries) topic.apply(entry);
      topic.offset = Math.max(topic.offset, page.through);
      if (page.entries.length === 0 && !topic.behind) return;
    }
  }

  #started(topic: AnswerTopic, answer: Answer): void {
    const request = this.#starting.get(answer.epoch);
    if (request === undefined) return this.#kept.add(answer, undefined, undefined);
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
      joinMs: this.#options.joinMs,
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
    const topic = this.#topics.get(this.#topicOf(answer.id));
    if (topic?.answer === answer && topic.run === undefined) this.#unfollow(topic);
  }

  #unfollow(topic: AnswerTopic): void {
    if (this.#topics.get(topic.topic) !== topic) return;
    this.#topics.delete(topic.topic);
    const { answer } = topic;
    topic.drop();
    if (answer !== undefined) this.#kept.forget(answer);
    this.#options.log.unfollow?.([topic.topic]);
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
