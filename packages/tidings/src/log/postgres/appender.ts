/**
 * Appends in groups: one is under way, and what comes meanwhile goes together with the next. Each has a number, so that one
 * that is asked twice is done once.
 */
import { LogError, type Appended, type Draft } from "../log.ts";

export interface AppenderOptions {
  readonly pendingBytes: number;
  readonly deadlineMs: number;
  /**
   * @param number - Of the group: the same when it is asked again.
   * @returns For each of `appends`, where it is.
   */
  readonly write: (
    appends: readonly GroupedAppend[],
    number: number,
    withinMs: number,
  ) => Promise<readonly Appended[]>;
}

export interface GroupedAppend {
  readonly drafts: readonly Draft[];
  readonly key: string | undefined;
  readonly bytes: number;
}

interface Waiting extends GroupedAppend {
  readonly sinceMs: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** In one transaction: other processes wait meanwhile. */
const GROUP_MESSAGES = 500;
const GROUP_BYTES = 2 ** 20;
/** A group is asked for at least so long, however long it has waited for others. */
const LEAST_MS = 1_000;

export class Appender {
  readonly #options: AppenderOptions;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #number = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  append(drafts: readonly Draft[], key: string | undefined): Promise<Appended> {
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#options.pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#waitingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ drafts, key, bytes, sinceMs: performance.now(), resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    const { deadlineMs, write } = this.#options;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      const leftMs = group[0]!.sinceMs + deadlineMs - performance.now();
      try {
        this.#number += 1;
        const results = await write(group, this.#number, Math.max(leftMs, LEAST_MS));
        for (const [i, { resolve }] of group.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of group) reject(error);
        this.#rejectLate(error);
      } finally {
        for (const { bytes } of group) this.#waitingBytes -= bytes;
      }
    }
    this.#writing = undefined;
  }

  /** Those whose time passed while they waited for groups that failed are not tried. */
  #rejectLate(cause: unknown): void {
    const { deadlineMs } = this.#options;
    const lateMs = performance.now() - deadlineMs;
    let late = 0;
    while (late < this.#waiting.length && this.#waiting[late]!.sinceMs < lateMs) late += 1;
    for (const { bytes, reject } of this.#waiting.splice(0, late)) {
      this.#waitingBytes -= bytes;
      const message = `Cannot append to log: ${deadlineMs} ms passed before its turn came (deadlineMs)`;
      reject(new LogError("failed", message, { cause }));
    }
  }

  #takeGroup(): Waiting[] {
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      messages += one.drafts.length;
      bytes += one.bytes;
      if (count > 0 && (messages > GROUP_MESSAGES || bytes > GROUP_BYTES)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
