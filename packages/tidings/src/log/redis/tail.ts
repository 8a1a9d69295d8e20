/**
 * The tail of the log in Redis: one connection that is subscribed to the channels of what is followed. It hands on in the order
 * of the connection, so that what comes with an offset says that everything followed before it has come. After the connection
 * was lost, what it missed is read at once, or said to be missing.
 */
import { FollowedTopics } from "../followed-topics.ts";
import { LogError, type Entry, type Followed, type LogPosition, type OpenLogOptions } from "../log.ts";
import type { Page, ReadRequest, Selection } from "../log.ts";
import { decodeMessage } from "./frames.ts";
import { Late, within } from "./late.ts";
import type { RedisConnection, RedisSubscriber } from "./link.ts";

export interface RedisTailOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  /** Until what is followed has to be confirmed. */
  readonly deadlineMs: number;
  readonly position: LogPosition;
  /** With the offset before which readers may have lost something. */
  readonly head: () => Promise<LogPosition & { readonly floor: number }>;
  readonly read: (request: ReadRequest) => Promise<Page>;
  readonly options: Pick<OpenLogOptions, "onTail" | "onReset" | "onState" | "onError">;
  /** Called when a message is of another epoch: `head` has to be asked, and {@link RedisTail.reset} to be called. */
  readonly onEpoch: () => Promise<void>;
}

/** From one question which log is ours to the next, where messages of many others come. */
const LEAST_ASKED_MS = 50;
/** From one report of strange messages to the next. */
const STRANGE_MS = 60_000;
/** Between looks whether the connection is alive, and how far the log has come without us. */
const LOOK_MS = 1_000;
/** Without an answer for so long, the tail is interrupted: its connection is given up, and another one opened. */
const SILENCE_MS = 5_000;
/** As long as none gets there, each has twice the time of the one before, up to this: the way may be a slow one. */
const MOST_SILENCE_MS = 20_000;
const RETRY_MS = [200, 2_000] as const;
/** Read after an interruption; where there is more, streams read the log themselves. */
const MOST_CAUGHT_UP = 5_000;
/** Held while what was missed is read. */
const MOST_HELD = 20_000;
const PAGE = { maxMessages: 1_000, maxBytes: 2 ** 20 } as const;

export class RedisTail {
  readonly #options: RedisTailOptions;
  readonly #followed = new FollowedTopics();
  #epoch: string;
  #through: number;
  #subscriber: RedisSubscriber;
  /** Came, and not handed on: within a turn, or while what was missed is read. */
  #held: Entry[] = [];
  #overflown = false;
  #state: "connecting" | "catching-up" | "following" | "closed" = "connecting";
  #reported = false;
  /** Of an interruption: that Redis refuses what has to be done was reported. */
  #saidRefused = false;
  #round = 0;
  /** By the monotonic clock: when Redis was last known to answer, or to be tried anew. */
  #heardMs = performance.now();
  /** For a connection to get there. */
  #patienceMs = SILENCE_MS;
  #scheduled = false;
  #looking = false;
  #isAsking = false;
  /** Of another log with the same channels, and when it was told from ours. */
  #foreign = { epoch: "", atMs: -Infinity };
  /** When it was last reported that somebody else publishes to our channels. */
  #saidStrangeMs = -Infinity;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: RedisTailOptions) {
    this.#options = options;
    this.#epoch = options.position.epoch;
    this.#through = options.position.head;
    this.#subscriber = this.#open();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  async follow(topics: Followed): Promise<number> {
    this.#followed.add(topics);
    const endsMs = performance.now() + this.#options.deadlineMs;
    try {
      // Also where it is followed already: by a call that is not confirmed yet, perhaps.
      const channels = this.#channelsOf(topics);
      if (channels.length > 0) await this.#subscribe(channels, endsMs);
      // Asked for behind the confirmation: everything after it is published to us.
      const { head } = await within(this.#options.head(), endsMs - performance.now());
      return head;
    } catch (cause) {
      this.unfollow(topics);
      if (cause instanceof LogError) throw cause;
      const message = `Cannot follow log: ${(cause as Error).message}`;
      throw new LogError("failed", message, { cause });
    }
  }

  /** Over the connection that is there, or the one that replaces it. */
  async #subscribe(channels: readonly string[], endsMs: number): Promise<void> {
    for (;;) {
      const subscriber = this.#subscriber;
      try {
        await within(subscriber.subscribe(channels), endsMs - performance.now());
        return;
      } catch (error) {
        if (this.#state === "closed") throw new LogError("closed", "Cannot follow log: it is closed");
        if (subscriber === this.#subscriber) throw error;
      }
    }
  }

  unfollow(topics: Followed): void {
    const removed = this.#channelsOf(this.#followed.remove(topics));
    // Where that fails, what comes is not wanted by anybody.
    if (removed.length > 0) this.#subscriber.unsubscribe(removed).catch(() => undefined);
  }

  /** The log was replaced by another one. */
  reset(position: LogPosition): void {
    this.#flush();
    this.#epoch = position.epoch;
    this.#through = position.head;
    this.#held = [];
    this.#tell(() => this.#options.options.onReset?.(position));
    // What was published to it before this was known is read; what reads already may have asked how far before that.
    if (this.#state === "following" || this.#state === "catching-up") void this.#catchUp();
  }

  close(): void {
    this.#state = "closed";
    clearInterval(this.#timer);
    this.#subscriber.close();
  }

  #channel(topic: string | undefined): string {
    const { prefix } = this.#options;
    return topic === undefined ? `${prefix}:all` : `${prefix}:c:${topic}`;
  }

  #channelsOf(topics: Followed): string[] {
    return topics === "all" ? [this.#channel(undefined)] : topics.map((topic) => this.#channel(topic));
  }

  #channels(): string[] {
    const channels = this.#channelsOf([...this.#followed.names()]);
    if (this.#followed.all) channels.push(this.#channel(undefined));
    return channels;
  }

  #open(): RedisSubscriber {
    let ready = false;
    const isCurrent = (): boolean => subscriber === this.#subscriber && this.#state !== "closed";
    const subscriber = this.#options.connection.subscriber({
      onMessage: (payload) => {
        if (isCurrent()) this.#take(payload);
      },
      onDown: (error) => {
        if (isCurrent()) this.#interrupted(error);
      },
      onProgress: () => {
        if (isCurrent()) this.#heardMs = performance.now();
      },
      onUp: () => {
        // For the first time it has missed nothing: what is followed is so from then on.
        if (!isCurrent()) return;
        this.#heardMs = performance.now();
        this.#patienceMs = SILENCE_MS;
        if (ready || this.#reported) {
          void this.#catchUp();
        } else {
          this.#state = "following";
          this.#flush();
        }
        ready = true;
      },
    });
    return subscriber;
  }

  #interrupted(error: unknown): void {
    this.#state = "connecting";
    this.#round += 1;
    this.#heardMs = performance.now();
    this.#report(error);
  }

  /** The connection is silent: another one takes its place. */
  #replace(error: unknown): void {
    this.#interrupted(error);
    this.#subscriber.close();
    this.#subscriber = this.#open();
  }

  #report(error: unknown): void {
    if (this.#reported) return;
    this.#reported = true;
    const { onError, onState } = this.#options.options;
    this.#tell(() => onState?.("interrupted"));
    const cause = error instanceof Error ? error : undefined;
    onError?.(
      new LogError("failed", `The tail of the log is interrupted: ${String(cause?.message)}`, { cause }),
    );
  }

  /** It is tried again, and goes on when the right is back. */
  #sayRefused(cause: Error): void {
    if (this.#saidRefused || !/\bNOPERM\b/.test(cause.message)) return;
    this.#saidRefused = true;
    const message = `The tail of the log cannot go on: Redis says ${cause.message}. Expected a user that may subscribe to the channels ${this.#options.prefix}*`;
    this.#options.options.onError?.(new LogError("failed", message, { cause }));
  }

  /** Somebody else publishes to our channels, perhaps a great deal. */
  #sayStrange(cause: unknown): void {
    if (performance.now() - this.#saidStrangeMs < STRANGE_MS) return;
    this.#saidStrangeMs = performance.now();
    const message = `Ignored what was published to a channel ${this.#options.prefix}:… and is no message of a log: somebody else publishes there`;
    this.#options.options.onError?.(new LogError("failed", message, { cause }));
  }

  #take(payload: Buffer): void {
    let message;
    try {
      message = decodeMessage(payload);
    } catch (cause) {
      this.#sayStrange(cause);
      return;
    }
    if (message.epoch !== this.#epoch) {
      void this.#met(message.epoch);
      return;
    }
    if (this.#state === "following") this.#forgotten(message.floor);
    const newest = this.#held.at(-1)?.offset ?? 0;
    for (const entry of message.entries) {
      // One that is followed by its name and with all others comes twice.
      if (entry.offset > newest && entry.offset > this.#through) this.#held.push(entry);
    }
    if (this.#held.length > MOST_HELD && this.#state !== "following") {
      this.#held = [];
      this.#overflown = true;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What came in one piece of the connection is handed on together.
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#state === "following") this.#flush();
    });
  }

  /**
   * A log has taken the place of ours, or one with its name is in another database of the same Redis, whose channels are the same. We ask
   * which it is, and not for each of its messages.
   */
  async #met(epoch: string): Promise<void> {
    const patienceMs = epoch === this.#foreign.epoch ? LOOK_MS : LEAST_ASKED_MS;
    const isKnown = performance.now() - this.#foreign.atMs < patienceMs;
    if (this.#isAsking || isKnown) return;
    this.#isAsking = true;
    await this.#options.onEpoch();
    this.#isAsking = false;
    if (epoch !== this.#epoch) this.#foreign = { epoch, atMs: performance.now() };
  }

  #flush(through?: number): void {
    const entries = this.#held.filter(({ offset }) => offset > this.#through);
    this.#held = [];
    const upTo = Math.max(entries.at(-1)?.offset ?? 0, through ?? 0);
    if (upTo > this.#through) this.#handOn(this.#through, upTo, entries);
  }

  /** Messages before an offset may be lost: streams that stand before it must get a gap. */
  #forgotten(floor: number): void {
    if (floor <= this.#through) return;
    this.#flush();
    if (floor > this.#through) this.#handOn(floor, floor, []);
  }

  #handOn(after: number, through: number, entries: readonly Entry[]): void {
    this.#through = through;
    this.#tell(() => this.#options.options.onTail({ after, through, entries }));
  }

  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.options.onError?.(error);
    }
  }

  /** Moves `through` on for those who follow little, and finds that Redis, or the way to it, is silent. */
  async #look(): Promise<void> {
    if (this.#state === "following") return this.#ask();
    const silentMs = performance.now() - this.#heardMs;
    if (silentMs < SILENCE_MS) return;
    const late = new Late(silentMs);
    if (this.#state === "catching-up") return this.#report(late);
    if (this.#state !== "connecting" || silentMs < this.#patienceMs) return;
    // A client that connects waits for ever for a server that takes the connection and says nothing.
    this.#patienceMs = Math.min(this.#patienceMs * 2, MOST_SILENCE_MS);
    this.#replace(late);
  }

  async #ask(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const round = this.#round;
    const subscriber = this.#subscriber;
    const isCurrent = (): boolean => this.#state === "following" && round === this.#round;
    try {
      const { epoch, head, floor } = await within(this.#options.head(), SILENCE_MS);
      // Behind it, everything up to that offset has come.
      await within(subscriber.ping(), SILENCE_MS);
      if (!isCurrent()) return;
      this.#heardMs = performance.now();
      if (epoch !== this.#epoch) return;
      this.#forgotten(floor);
      this.#flush(head);
    } catch (error) {
      // What is refused, or has a shorter time limit, is asked again: it may be a moment's trouble.
      const isSilent = error instanceof Late || performance.now() - this.#heardMs >= SILENCE_MS;
      if (isCurrent() && isSilent) this.#replace(error);
    } finally {
      this.#looking = false;
    }
  }

  /** After an interruption: subscribes, reads what was missed, and goes on. */
  async #catchUp(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    this.#state = "catching-up";
    this.#overflown = false;
    const isCurrent = (): boolean => round === this.#round && this.#state === "catching-up";
    for (let waitMs: number = RETRY_MS[0]; isCurrent(); waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      try {
        const channels = this.#channels();
        const subscriber = this.#subscriber;
        await within(channels.length > 0 ? subscriber.subscribe(channels) : subscriber.ping(), SILENCE_MS);
        const { head } = await this.#options.head();
        if (!isCurrent()) return;
        await this.#readMissed(head, isCurrent);
        if (!isCurrent()) return;
        break;
      } catch (error) {
        if (!isCurrent()) return;
        // Only the connection of the tail has this limit: it is dead, though it was there a moment ago.
        if (error instanceof Late) return this.#replace(error);
        this.#sayRefused(error as Error);
        await new Promise((resolve) => void setTimeout(resolve, waitMs).unref());
      }
    }
    if (!isCurrent()) return;
    this.#state = "following";
    this.#heardMs = performance.now();
    if (this.#overflown) {
      void this.#catchUp();
      return;
    }
    this.#flush();
    this.#saidRefused = false;
    if (this.#reported) {
      this.#reported = false;
      this.#tell(() => this.#options.options.onState?.("following"));
    }
  }

  async #readMissed(head: number, isCurrent: () => boolean): Promise<void> {
    for (let read = 0; this.#through < head;) {
      // What is followed by now: a page may reach behind where it was said to be followed from.
      const topics = this.#selection();
      const page = await this.#options.read({ topics, after: this.#through, ...PAGE });
      if (!isCurrent()) return;
      // Streams that lost something have to hear it: each reads the log.
      if (page.lostThrough > this.#through) return this.#handOn(head, head, []);
      read += page.entries.length;
      // As many more as there were in what is read, about: where that is too much, the streams begin at once.
      const more = (page.entries.length * (head - page.through)) / (page.through - this.#through);
      if (read + more > MOST_CAUGHT_UP) return this.#handOn(head, head, []);
      this.#handOn(this.#through, page.through, page.entries);
    }
  }

  #selection(): Selection {
    if (this.#followed.all) return { matches: () => true };
    const names = new Set(this.#followed.names());
    return { exact: [...names], matches: (topic) => names.has(topic) };
  }
}
