/**
 * Appends in groups: one is under way, and what comes meanwhile goes together with the next. Each has a number, so that one
 * that is asked twice is done once.
 */
import { AppendQueue, type QueuedAppend } from "../appending/append-queue.ts";
import type { Appended, Draft } from "../log.ts";
import type { EncodedDrafts } from "./drafts.ts";

export interface AppenderOptions {
  readonly pendingBytes: number;
  readonly deadlineMs: number;
  /** @throws Where one of them cannot be asked for. */
  readonly encode: (appends: readonly QueuedAppend[]) => EncodedDrafts;
  /**
   * @param number - Of the group: the same when it is asked again.
   * @returns For each of `appends`, where it is.
   */
  readonly write: (
    appends: readonly QueuedAppend[],
    encoded: EncodedDrafts,
    number: number,
    withinMs: number,
  ) => Promise<readonly Appended[]>;
}

/** A call has at least this long, even if nobody waits for it any more. With less, its connection would be replaced. */
const LEAST_MS = 1_000;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #queue: AppendQueue;
  #isWriting = false;
  #number = 0;

  constructor(options: AppenderOptions) {
    const { deadlineMs, pendingBytes } = options;
    this.#options = options;
    this.#queue = new AppendQueue({ writer: "Postgres", deadlineMs, pendingBytes });
  }

  append(drafts: readonly Draft[], key: string | undefined): Promise<Appended> {
    const appended = this.#queue.append(drafts, key);
    if (!this.#isWriting) void this.#write();
    return appended;
  }

  /** Resolves when everything that was appended is settled. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    const queue = this.#queue;
    for (let group = queue.take(); group.length > 0; group = queue.take()) {
      await this.#send(group);
      queue.end();
    }
    this.#isWriting = false;
  }

  async #send(group: readonly QueuedAppend[]): Promise<void> {
    const { deadlineMs, encode, write } = this.#options;
    const queue = this.#queue;
    let encoded: EncodedDrafts;
    try {
      encoded = encode(group);
    } catch (error) {
      // One that cannot be asked for, such as for a topic that is no text in Postgres, is rejected alone.
      if (group.length === 1) queue.reject(group, error);
      else for (const one of group) await this.#send([one]);
      return;
    }
    try {
      this.#number += 1;
      const withinMs = Math.max(queue.leftMs(group), Math.min(LEAST_MS, deadlineMs));
      queue.resolve(group, await write(group, encoded, this.#number, withinMs));
    } catch (error) {
      queue.reject(group, error);
    }
  }
}
