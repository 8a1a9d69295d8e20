/**
 * Keeps one answer's topic up to date: reads what the log has of it, and joins the tail to that without a seam. Reading and
 * following begin at the same time, so that a request waits for one reply of the log. What was appended between the two may be
 * missing then: it is read once the log has said from where on the tail hands on everything.
 */
import { tell } from "../../../guard/foreign.ts";
import { ignore } from "../../../guard/ignore.ts";
import { isLogError } from "../../../log/foreign-log.ts";
import type { Entry, Log } from "../../../log/log.ts";
import type { AnswerTopic } from "./answer-topic.ts";

export interface TopicFollowerOptions {
  readonly log: Log;
  readonly topic: AnswerTopic;
  /** The log cannot be read or followed. @param isTold - Whether a caller gets the error. */
  readonly onFailed: (error: unknown, isTold: boolean) => void;
}

const PAGE = { maxMessages: 1_000, maxBytes: 2 ** 20 } as const;
/** Held at most while the log is read. Where more comes, the log is read again. */
const MOST_HELD = 1_000;
const MOST_HELD_BYTES = 2 ** 20;
/** How long a log is asked again that cannot be read, and the waits between. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 200;

export class TopicFollower {
  readonly topic: AnswerTopic;
  readonly #log: Log;
  readonly #onFailed: (error: unknown, isTold: boolean) => void;
  /** An offset: the tail hands on everything after it. */
  readonly #following: Promise<number>;
  #known: Promise<void>;
  #catchingUp: Promise<void> | undefined;
  /** Came from the tail since the last read began. */
  #held: Entry[] = [];
  #heldBytes = 0;
  /** More may be in the log than the read under way and the tail bring. */
  #behind = false;
  #over = false;

  constructor({ log, topic, onFailed }: TopicFollowerOptions) {
    this.topic = topic;
    this.#log = log;
    this.#onFailed = onFailed;
    this.#following = this.#follow();
    this.#following.catch(ignore);
    let isKnown = false;
    this.#known = this.#read().then(() => void (isKnown = true));
    const join = async (): Promise<void> => {
      await this.#known;
      if ((await this.#following) > topic.offset) await this.#readOn();
    };
    this.#catchUp(join, () => !isKnown).catch(ignore);
  }

  /** Resolves when everything is applied that the log had when the topic was asked for. Rejects when it cannot be read. */
  get known(): Promise<void> {
    return this.#known;
  }

  get isCatchingUp(): boolean {
    return this.#catchingUp !== undefined;
  }

  /** Resolves when everything is applied that the log has now. Rejects when it cannot be read. */
  catchUp(): Promise<void> {
    this.#behind = true;
    if (this.#catchingUp !== undefined) return this.#catchingUp;
    const isTold = (): boolean => true;
    this.#known = this.#catchUp(() => this.#readOn(), isTold);
    return this.#known;
  }

  /** Takes an entry of the tail. */
  take(entry: Entry): void {
    if (this.#catchingUp === undefined) return this.#apply(entry);
    this.#heldBytes += entry.body.length;
    if (this.#held.length < MOST_HELD && this.#heldBytes <= MOST_HELD_BYTES) this.#held.push(entry);
    else this.#behind = true;
  }

  /** Applies nothing more. */
  stop(): void {
    this.#over = true;
    this.#held = [];
    const report = (error: unknown): void => this.#onFailed(error, false);
    this.#following.then(() => tell(report, () => this.#log.unfollow?.([this.topic.topic])), ignore);
  }

  async #follow(): Promise<number> {
    // A log that cannot hands on everything, also what was appended before this.
    return patiently(
      async () => (await this.#log.follow?.([this.topic.topic])) ?? 0,
      () => this.#over,
    );
  }

  /** As `#read`, of a topic that is known: who reads or produces it here is not cut off because the log is away for a moment. */
  #readOn(): Promise<void> {
    return patiently(
      () => this.#read(),
      () => this.#over,
    );
  }

  #catchUp(read: () => Promise<void>, isTold: () => boolean): Promise<void> {
    const catchUp = async (): Promise<void> => {
      try {
        await read();
        while (this.#behind && !this.#over) await this.#readOn();
        for (const entry of this.#held) this.#apply(entry);
      } catch (error) {
        if (!this.#over) this.#onFailed(error, isTold());
        throw error;
      } finally {
        this.#catchingUp = undefined;
        this.#held = [];
      }
    };
    return (this.#catchingUp = catchUp());
  }

  /** Applies everything that the log has and that is not applied yet. */
  async #read(): Promise<void> {
    const { topic } = this;
    while (!this.#over) {
      // What has come until now is in the log, and so in what is read.
      this.#behind = false;
      this.#held = [];
      this.#heldBytes = 0;
      const after = topic.offset;
      const page = await this.#log.read({ topics: topic.selection, after, ...PAGE });
      if (this.#over) return;
      if (page.lostThrough > after) topic.lose(page.lostThrough);
      // The clock of this machine is another one than that which the log goes by: it is asked where the log does not say its time.
      const nowMs = page.nowMs ?? Date.now();
      for (const entry of page.entries) topic.apply(entry, Math.max(0, nowMs - entry.atMs));
      topic.offset = Math.max(topic.offset, page.through);
      if (page.entries.length === 0 || page.through >= (page.head ?? Infinity)) return;
    }
  }

  #apply(entry: Entry): void {
    if (!this.#over && entry.offset > this.topic.offset) this.topic.apply(entry, 0);
  }
}

async function patiently<Result>(ask: () => Promise<Result>, isOver: () => boolean): Promise<Result> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayPass = isLogError(error) && (error.code === "failed" || error.code === "busy");
      if (!mayPass || isOver() || performance.now() > giveUpMs) throw error;
    }
    await new Promise((resolve) => void setTimeout(resolve, RETRY_MS));
  }
}
