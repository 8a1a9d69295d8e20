/**
 * The tail of the log in Redis: one connection that is subscribed to the channels of what is followed. It hands on in the order
 * of the connection, so that what comes with an offset says that everything followed before it has come. After the connection
 * was lost, what it missed is read at once, or said to be missing.
 */
import { FollowedTopics } from "../followed-topics.ts";
import { LogError, type Entry, type Followed, type LogPosition, type OpenLogOptions } from "../log.ts";
import type { Page, ReadRequest, Selection } from "../log.ts";
import { decodeMessage } from "./frames.ts";
import type { RedisConnection, RedisSubscriber } from "./link.ts";

export interface RedisTailOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly position: LogPosition;
  /** With the offset before which readers may have lost something. */
  readonly head: () => Promise<LogPosition & { readonly floor: number }>;
  readonly read: (request: ReadRequest) => Promise<Page>;
  readonly options: Pick<OpenLogOptions, "onTail" | "onReset" | "onState" | "onError">;
  /** Called when a message is of another epoch: `head` has to be asked, and {@link RedisTail.reset} to be called. */
  readonly onEpoch: () => Promise<void>;
}

/** Between looks whether the connection is alive, and how far the log has come without us. */
const LOOK_MS = 1_000;
/** A connection that does not answer for so long is given up, and another one opened. */
const SILENCE_MS = 5_000;
/** Until what is followed has to be confirmed. */
const FOLLOW_MS = 10_000;
const RETRY_MS = 200;
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
  #round = 0;
  #scheduled = false;
  #looking = false;
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
    try {
      // Also where it is followed already: by a call that is not confirmed yet, perhaps.
      const channels = this.#channelsOf(topics);
      if (channels.length > 0) await this.#subscribe(channels);
      // Asked for behind the confirmation: everything after it is published to us.
      const { head } = await this.#options.head();
      return head;
    } catch (cause) {
      this.unfollow(topics);
      if (cause instanceof LogError) throw cause;
      const message = `Cannot follow log: ${(cause as Error).message}`;
      throw new LogError("failed", message, { cause });
    }
  }

  /** Over the connection that is there, or the one that replaces it. */
  async #subscribe(channels: readonly string[]): Promise<void> {
    const endsMs = performance.now() + FOLLOW_MS;
    for (;;) {
      const subscriber = this.#subscriber;
      try {
        await within(subscriber.subscribe(channels), Math.max(0, Math.round(endsMs - performance.now())));
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
      onUp: () => {
        // For the first time it has missed nothing: what is followed is so from then on.
        if (!isCurrent()) return;
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
    if (this.#reported) return;
    this.#reported = true;
    const { onError, onState } = this.#options.options;
    this.#tell(() => onState?.("interrupted"));
    const cause = error instanceof Error ? error : undefined;
    onError?.(
      new LogError("failed", `The tail of the log is interrupted: ${String(cause?.message)}`, { cause }),
    );
  }

  #take(payload: Buffer): void {
    let message;
    try {
      message = decodeMessage(payload);
    } catch (error) {
      this.#options.options.onError?.(error);
      return;
    }
    if (message.epoch !== this.#epoch) {
      void this.#options.onEpoch();
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

  /** Moves `through` on for those who follow little, and finds connections that are dead. */
  async #look(): Promise<void> {
    if (this.#state !== "following" || this.#looking) return;
    this.#looking = true;
    const round = this.#round;
    const subscriber = this.#subscriber;
    try {
      const { epoch, head, floor } = await this.#options.head();
      // Behind it, everything up to that offset has come.
      await within(subscriber.ping(), SILENCE_MS);
      if (this.#state !== "following" || round !== this.#round || epoch !== this.#epoch) return;
      this.#forgotten(floor);
      this.#flush(head);
    } catch (error) {
      if (this.#state === "following" && round === this.#round && error instanceof Late) {
        this.#interrupted(error);
        subscriber.close();
        this.#subscriber = this.#open();
      }
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
    while (isCurrent()) {
      try {
        const channels = this.#channels();
        if (channels.length > 0) await within(this.#subscriber.subscribe(channels), SILENCE_MS);
        const { head } = await this.#options.head();
        if (!isCurrent()) return;
        await this.#readMissed(head, isCurrent);
        if (!isCurrent()) return;
        break;
      } catch {
        await new Promise((resolve) => void setTimeout(resolve, RETRY_MS).unref());
      }
    }
    if (!isCurrent()) return;
    this.#state = "following";
    if (this.#overflown) {
      void this.#catchUp();
      return;
    }
    this.#flush();
    if (this.#reported) {
      this.#reported = false;
      this.#tell(() => this.#options.options.onState?.("following"));
    }
  }

  async #readMissed(head: number, isCurrent: () => boolean): Promise<void> {
    const topics = this.#selection();
    for (let read = 0; this.#through < head;) {
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

class Late extends Error {}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  promise.catch(() => undefined);
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Late(`Redis did not answer within ${ms} ms`)), ms);
        timer.unref();
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
