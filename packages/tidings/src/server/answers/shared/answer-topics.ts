/**
 * The topics of the answers that are produced or read in this process. Opens the log, follows each topic in it, hands them what comes
 * from the tail, and leaves those that nobody uses.
 */
import type { Dialect } from "../../../dialects/dialect.ts";
import { within } from "../../../guard/within.ts";
import { openLog } from "../../../log/foreign-log.ts";
import { type Log, LogError, type Tail } from "../../../log/log.ts";
import { checkTopic } from "../../topics/topic-selection.ts";
import type { AnswerLimits } from "../answer-limits.ts";
import { AnswerTopic, type TopicEvents } from "./answer-topic.ts";
import { TopicFollower } from "./topic-follower.ts";

export interface AnswerTopicsOptions {
  readonly log: Log;
  readonly limits: AnswerLimits;
  readonly events: TopicEvents;
  /** The ids of answers whose start is under way here: their topics are not left. */
  readonly startingIds: () => ReadonlySet<string>;
  readonly onInterrupted: (isInterrupted: boolean) => void;
  readonly report: (error: unknown, id: string) => void;
}

/** Topics that are followed, before those without an answer are given up. */
const MOST_FOLLOWED = 5_000;
const LEAST_FOLLOWED_MS = 1_000;
/** Of an answer that runs longer, the beginning is lost. */
const LONGEST_ANSWER_MS = 6 * 3_600_000;
/** Who asks meanwhile waits for so long for a log that does not open. */
const PATIENCE_MS = 5_000;

export class AnswerTopics {
  readonly #options: AnswerTopicsOptions;
  readonly #followers = new Map<string, TopicFollower>();
  #opening: Promise<true> | undefined;
  #isOpen = false;
  /** What the tail has handed on: everything up to this offset. */
  #through = 0;
  #madeRoomMs = -Infinity;

  constructor(options: AnswerTopicsOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<TopicFollower> {
    return this.#followers.values();
  }

  get(id: string): TopicFollower | undefined {
    return this.#followers.get(topicOf(id));
  }

  /**
   * Opens the log, if it is not open.
   * @throws {LogError} `failed`, if that takes too long; it may open yet.
   */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#opening ??= this.#open();
    if (await within(PATIENCE_MS, this.#opening)) return;
    throw new LogError("failed", `Cannot open log: it has not opened within ${PATIENCE_MS} ms`);
  }

  /** Follows the topic of an answer. Resolves when everything is known that the log had of it. */
  async follow(id: string, dialect: Dialect<never>): Promise<TopicFollower> {
    await this.open();
    const follower = this.get(id) ?? this.#begin(id, dialect);
    const { topic } = follower;
    if (topic.run === undefined) topic.dialect = dialect;
    topic.usedMs = performance.now();
    await follower.known;
    return follower;
  }

  unfollow(follower: TopicFollower): void {
    const { topic } = follower;
    if (this.#followers.get(topic.topic) !== follower) return;
    this.#followers.delete(topic.topic);
    follower.stop();
    topic.drop();
  }

  #open(): Promise<true> {
    const { log, limits, report, onInterrupted } = this.#options;
    const opening = openLog(log, {
      retention: {
        messages: Number.MAX_SAFE_INTEGER,
        bytes: limits.totalBytes,
        // An answer outlives its end, so its beginning has to outlive the answer too.
        ageMs: limits.keepMs + LONGEST_ANSWER_MS,
      },
      onTail: (tail) => this.#take(tail),
      onReset: () => {
        for (const follower of this.#followers.values()) this.unfollow(follower);
        this.#through = 0;
      },
      onState: (state) => onInterrupted(state === "interrupted"),
      onError: (error) => report(error, ""),
    }).then(({ head }) => {
      this.#through = Math.max(this.#through, head);
      return (this.#isOpen = true as const);
    });
    // The next request tries again.
    opening.catch(() => (this.#opening = undefined));
    return opening;
  }

  #begin(id: string, dialect: Dialect<never>): TopicFollower {
    const { log, events, report } = this.#options;
    if (this.#followers.size >= MOST_FOLLOWED) this.#unfollowUnknown();
    const name = topicOf(id);
    const follower = new TopicFollower({
      log,
      topic: new AnswerTopic(id, name, dialect, events),
      onFailed: (error, isTold) => {
        if (!isTold) report(error, id);
        // The next call starts again.
        this.unfollow(follower);
      },
    });
    this.#followers.set(name, follower);
    return follower;
  }

  /** Ids that have no answer may be asked for at any rate: those that nobody waits for make room. */
  #unfollowUnknown(): void {
    const sinceMs = performance.now() - LEAST_FOLLOWED_MS;
    // Seldom, since it looks at all of them.
    if (this.#madeRoomMs > sinceMs) return;
    this.#madeRoomMs = performance.now();
    const starting = this.#options.startingIds();
    for (const follower of this.#followers.values()) {
      const { answer, usedMs, id } = follower.topic;
      if (answer === undefined && !follower.isCatchingUp && usedMs < sinceMs && !starting.has(id)) {
        this.unfollow(follower);
      }
    }
  }

  #take({ after, through, entries }: Tail): void {
    const isWhole = after <= this.#through;
    this.#through = through;
    if (!isWhole) {
      // The tail has passed over entries: what they were is in the log.
      for (const follower of this.#followers.values()) {
        follower.catchUp().catch((error: unknown) => this.#options.report(error, follower.topic.id));
      }
      return;
    }
    for (const entry of entries) this.#followers.get(entry.topic)?.take(entry);
  }
}

function topicOf(id: string): string {
  return `answer/${id}`;
}

/** Whether an id can be part of a topic. */
export function isSharedId(id: string): boolean {
  try {
    checkTopic("answer", topicOf(id));
    return true;
  } catch {
    return false;
  }
}
