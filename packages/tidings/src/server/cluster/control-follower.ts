/**
 * Follows reserved topics of the log: every entry once and in order, also after an outage, when what came meanwhile is read.
 * What was discarded before it could be read is reported as lost.
 * This module is browser compatible.
 */
import type { Report } from "../../guard/foreign.ts";
import type { Entry, Log, LogPosition, Selection, Tail } from "../../log/log.ts";
import { Interest } from "../entries/interest.ts";

export interface ControlFollowerOptions {
  readonly log: Pick<Log, "follow" | "unfollow" | "read">;
  readonly topics: readonly string[];
  /** Of these, the one whose entries may come before older ones: the tail's are handed on at once while older ones are read. */
  readonly urgent?: string | undefined;
  readonly onEntry: (entry: Entry) => void;
  /**
   * Entries may be gone that were not handed on.
   * @param isReplaced - Another log has replaced this one, whose offsets begin anew.
   */
  readonly onLost: (isReplaced: boolean) => void;
  readonly onError: Report;
}

const PAGE_MESSAGES = 256;
const PAGE_BYTES = 2 ** 20;
/** Handed on early, and remembered until they are read; more wait for their turn. */
const MOST_EARLY = 10_000;
/** The wait before a log that could not be read is asked again. */
const RETRY_MS = 1_000;

export class ControlFollower {
  readonly #options: ControlFollowerOptions;
  readonly #selection: Selection;
  readonly #waiting = new Set<{ readonly offset: number; readonly resolve: () => void }>();
  /** Everything up to this offset was handed on. */
  #offset: number;
  /** Everything after this offset comes with the tail; Infinity until the log follows the topics. */
  #floor: number;
  /** Counts the logs: a page of a log that was replaced is useless. */
  #epochs = 0;
  #reading = false;
  /** Offsets of what was handed on before older entries. */
  readonly #early = new Set<number>();
  /** There is something to read. */
  #behind = false;
  #failing = false;
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #interest: { close(): void } | undefined;

  constructor(position: LogPosition, options: ControlFollowerOptions) {
    const { log, topics, onError } = options;
    this.#options = options;
    this.#selection = { exact: topics, matches: (topic) => topics.includes(topic) };
    this.#offset = position.head;
    this.#floor = log.follow === undefined ? position.head : Infinity;
    if (log.follow === undefined) return;
    const interest = (this.#interest = new Interest({
      log,
      onFollowed: (_topics: readonly { name: string }[], offset) => {
        this.#floor = offset;
        this.#catchUp();
      },
      onError,
    }));
    for (const name of topics) interest.add({ name, patterns: undefined });
  }

  /** Takes what the log's tail hands on. */
  add({ after, through, entries }: Tail): void {
    if (this.#reading || after > this.#offset || this.#offset < this.#floor) {
      this.#handOnEarly(entries);
      if (this.#floor !== Infinity) this.#catchUp();
      return;
    }
    for (const entry of entries) this.#take(entry);
    this.#moveTo(through);
  }

  /** Another log has replaced this one: what stood in the one before cannot be read any more. */
  reset({ head }: LogPosition): void {
    this.#epochs += 1;
    this.#early.clear();
    this.#offset = head;
    if (this.#floor !== Infinity) this.#floor = head;
    this.#settle(Infinity);
    this.#options.onLost(true);
  }

  /** Resolves when everything up to an offset was handed on, nothing more will be, or `withinMs` have passed. */
  handedOn(offset: number, withinMs: number): Promise<void> {
    if (offset <= this.#offset || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = {
        offset,
        resolve: () => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      const timer = setTimeout(waiting.resolve, withinMs);
      this.#waiting.add(waiting);
    });
  }

  /** Nothing more is handed on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#interest?.close();
    this.#settle(Infinity);
  }

  #take(entry: Entry): void {
    if (entry.offset <= this.#offset || this.#closed || !this.#selection.matches(entry.topic)) return;
    this.#offset = entry.offset;
    if (!this.#early.delete(entry.offset)) this.#options.onEntry(entry);
  }

  #handOnEarly(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { topic, offset } = entry;
      if (topic !== this.#options.urgent || offset <= this.#offset || this.#closed) continue;
      if (this.#early.has(offset) || this.#early.size >= MOST_EARLY) continue;
      this.#early.add(offset);
      this.#options.onEntry(entry);
    }
  }

  #moveTo(offset: number): void {
    if (offset > this.#offset) this.#offset = offset;
    if (this.#waiting.size > 0) this.#settle(this.#offset);
  }

  #settle(offset: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.offset <= offset) waiting.resolve();
    }
  }

  #catchUp(): void {
    this.#behind = true;
    if (this.#reading || this.#closed) return;
    this.#reading = true;
    void this.#readOn().then(
      () => {
        this.#reading = this.#failing = false;
        // The tail may have gone on in the turn between.
        if (this.#behind) this.#catchUp();
      },
      (error: unknown) => {
        if (this.#closed) return;
        if (!this.#failing) this.#options.onError(error);
        this.#failing = true;
        this.#retry = setTimeout(() => {
          this.#reading = false;
          this.#catchUp();
        }, RETRY_MS);
        // A number in browsers and Workers.
        (this.#retry as { unref?: () => void }).unref?.();
      },
    );
  }

  async #readOn(): Promise<void> {
    for (let isWhole = false; this.#behind || !isWhole;) {
      this.#behind = false;
      const epochs = this.#epochs;
      const page = await this.#options.log.read({
        topics: this.#selection,
        after: this.#offset,
        maxMessages: PAGE_MESSAGES,
        maxBytes: PAGE_BYTES,
      });
      if (this.#closed) return;
      if (epochs !== this.#epochs) continue;
      if (page.lostThrough > this.#offset) this.#options.onLost(false);
      for (const entry of page.entries) this.#take(entry);
      this.#moveTo(page.through);
      isWhole = page.entries.length === 0;
    }
  }
}
