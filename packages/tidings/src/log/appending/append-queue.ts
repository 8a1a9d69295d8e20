/**
 * Appends that are written in groups, one group after another. Each is settled when its time is up, whether it waits or is under way
 * then: what comes while nothing answers does not wait for the deadlines of those before it.
 */
import { LogError, type Appended, type Draft } from "../log.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { waitingBytesOf } from "./pending-bytes.ts";

export interface AppendQueueOptions {
  /** Who writes, for errors. */
  readonly writer: string;
  readonly deadlineMs: number;
  readonly pendingBytes: number;
}

export interface QueuedAppend {
  readonly drafts: readonly Draft[];
  readonly key: string | undefined;
  readonly bytes: number;
}

interface Queued extends QueuedAppend {
  readonly endsMs: number;
  settled: boolean;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** Of one group: the writer does nothing else until it is written. */
const GROUP_MESSAGES = 500;
const GROUP_BYTES = 2 ** 20;
/** What is under way ends by itself when its time is up, and then says more. */
const GRACE_MS = 50;
/** With less time than this, or a twentieth of the deadline, a group is not begun. */
const MOST_SPARED_MS = 100;

export class AppendQueue {
  readonly #options: AppendQueueOptions;
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#rejectLate(nowMs));
  #waiting: Queued[] = [];
  /** Under way. */
  #group: readonly Queued[] = [];
  #waitingMessages = 0;
  #waitingBytes = 0;
  /** With those that are under way. */
  #pendingBytes = 0;
  #unsettled = 0;
  /** Called when everything is settled. */
  #idle: (() => void)[] = [];
  /** Why the group before failed. */
  #failure: unknown;

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /** Nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** What waits is enough for a group. */
  get isFull(): boolean {
    return this.#waitingMessages >= GROUP_MESSAGES || this.#waitingBytes >= GROUP_BYTES;
  }

  /** @throws {LogError} `busy`. */
  append(drafts: readonly Draft[], key: string | undefined): Promise<Appended> {
    const { pendingBytes, deadlineMs } = this.#options;
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    const pending = waitingBytesOf(drafts);
    if (this.#pendingBytes > 0 && this.#pendingBytes + pending > pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#pendingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    this.#pendingBytes += pending;
    this.#waitingBytes += bytes;
    this.#waitingMessages += drafts.length;
    this.#unsettled += 1;
    const endsMs = performance.now() + deadlineMs;
    this.#deadlines.arm(endsMs);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ drafts, key, bytes, endsMs, settled: false, resolve, reject });
    });
  }

  /** The next group, which is under way until {@link end}. Empty where the time of all that waited is up. */
  take(): readonly QueuedAppend[] {
    // What has no time left for an answer is not sent: nobody would know whether it was appended.
    this.#rejectWaiting(performance.now() + Math.min(MOST_SPARED_MS, this.#options.deadlineMs / 20));
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      messages += one.drafts.length;
      bytes += one.bytes;
      if (count > 0 && (messages > GROUP_MESSAGES || bytes > GROUP_BYTES)) break;
      count += 1;
    }
    this.#group = this.#takeFirst(count);
    return this.#group;
  }

  /** Of a group, or of some of it: until the time of all of them is up. */
  leftMs(appends: readonly QueuedAppend[]): number {
    return ((appends.at(-1) as Queued | undefined)?.endsMs ?? 0) - performance.now();
  }

  /** @param results - Of each of them. */
  resolve(appends: readonly QueuedAppend[], results: readonly Appended[]): void {
    this.#failure = undefined;
    for (const [i, one] of (appends as readonly Queued[]).entries()) {
      if (this.#settle(one)) one.resolve(results[i]!);
    }
  }

  reject(appends: readonly QueuedAppend[], error: unknown): void {
    this.#failure = error;
    for (const one of appends as readonly Queued[]) if (this.#settle(one)) one.reject(error);
  }

  /** Nothing is under way any more. */
  end(): void {
    for (const { drafts } of this.#group) this.#pendingBytes -= waitingBytesOf(drafts);
    this.#group = [];
  }

  /** Resolves when everything that was appended is settled: within the deadline. */
  async settled(): Promise<void> {
    if (this.#unsettled > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
    this.#deadlines.clear();
  }

  #settle(one: Queued): boolean {
    if (one.settled) return false;
    one.settled = true;
    this.#unsettled -= 1;
    if (this.#unsettled === 0) for (const resolve of this.#idle.splice(0)) resolve();
    return true;
  }

  #takeFirst(count: number): Queued[] {
    const taken = this.#waiting.splice(0, count);
    for (const { drafts, bytes } of taken) {
      this.#waitingMessages -= drafts.length;
      this.#waitingBytes -= bytes;
    }
    return taken;
  }

  /** @returns When the next one's time is up. */
  #rejectLate(nowMs: number): number | undefined {
    const { deadlineMs, writer } = this.#options;
    for (const one of this.#group) {
      if (one.endsMs + GRACE_MS > nowMs) break;
      if (!this.#settle(one)) continue;
      const message = `Cannot append to log: ${writer} did not do it within ${deadlineMs} ms, and may still do it`;
      one.reject(new LogError("failed", message));
    }
    this.#rejectWaiting(nowMs);
    const underWay = this.#group.find(({ settled }) => !settled);
    return underWay === undefined ? this.#waiting[0]?.endsMs : underWay.endsMs + GRACE_MS;
  }
  #rejectWaiting(nowMs: number): void {
    const { deadlineMs } = this.#options;
    let late = 0;
    while (late < this.#waiting.length && this.#waiting[late]!.endsMs <= nowMs) late += 1;
    for (const one of this.#takeFirst(late)) {
      this.#pendingBytes -= waitingBytesOf(one.drafts);
      this.#settle(one);
      const message = `Cannot append to log: its turn did not come within ${deadlineMs} ms (deadlineMs), and it was not appended`;
      one.reject(new LogError("failed", message, { cause: this.#failure }));
    }
  }
}
