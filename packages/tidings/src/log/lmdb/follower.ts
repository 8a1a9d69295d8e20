/**
 * Notices what other processes wrote: who has written changes a file beside the environment, the bell, and the system
 * reports that to all (`inotify` on Linux). A look now and then stands in where it does not, and where a process ended between its
 * write and the bell. A look that fails is tried again, ever more rarely.
 *
 * LMDB's own files would report too early: it writes several times for a commit, and announces it in memory afterwards. Each report
 * wakes all processes, and a wake costs more than the look.
 */
import { closeSync, constants, fstatSync, openSync, watch, writeSync, type FSWatcher } from "node:fs";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import { bellOf, type BellRecord } from "./witness.ts";

export interface FollowerOptions {
  /** Where LMDB's environment lies. */
  readonly path: string | undefined;
  /** Milliseconds between looks where the system does not tell. */
  readonly pollMs: number;
  /** Hands on what there is. @returns Whether there was anything. */
  readonly look: () => boolean;
  /** Called when a look fails, once until one has succeeded. @returns Whether to go on. */
  readonly onFailure: (error: unknown) => boolean;
  /** Called when a look succeeds after one has failed. */
  readonly onRecovery: () => void;
}

/** Between checks where the system reports changes. */
const WATCHED_POLL_MS = 1_000;
/** After this many changes in a row that it did not report, it is not relied upon. */
const MOST_MISSED = 4;
/** After one miss, it looks every `pollMs` for this long: the process that wrote may be unable to ring, and may write more. */
const DOUBT_MS = 10_000;
const RETRY_MS = [100, 5_000] as const;
/** A report comes within this after what it reports. */
const REPORT_MS = 50;
/** The rights of LMDB's files. */
const MODE = 0o664;

export class Follower {
  readonly #options: FollowerOptions;
  /** Descriptor of the file. */
  #bell: number | undefined;
  #watcher: FSWatcher | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #missed = 0;
  #missedMs = -Infinity;
  #rungMs = -Infinity;
  /** When a look by the timer found something, of which the report may be on its way. */
  #foundMs: number | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#watch();
    // What was written just before the watch began is not reported.
    this.#schedule(options.pollMs);
  }

  /**
   * Tells the other processes that there is something new, before it returns. A write in the background would cost this thread as
   * much, tell them later, wait for other work in libuv's threads, and be lost if the process is killed right after.
   * @param record - What is left in the file.
   */
  ring({ text, position }: BellRecord = { text: ".", position: 0 }): void {
    if (this.#bell === undefined) return;
    try {
      writeSync(this.#bell, text, position);
    } catch {
      // The disk is full, say. The others find it by a look.
    }
  }

  /** Looks at once, but for a while after a failure. */
  look(): void {
    if (this.#failures === 0) this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
    if (this.#bell !== undefined) closeSync(this.#bell);
    this.#bell = undefined;
  }

  #watch(): void {
    const { path } = this.#options;
    if (path === undefined) return;
    try {
      const file = bellOf(path);
      this.#bell = openSync(file, constants.O_RDWR | constants.O_CREAT, MODE);
      const watcher = watch(file, { persistent: false }, () => {
        this.#rungMs = performance.now();
        if (this.#failures === 0 && this.#look()) this.#missed = 0;
      });
      watcher.on("error", () => this.#unwatch());
      this.#watcher = watcher;
    } catch {
      // No more watches are to be had, or this user may not write there, say. The looks remain.
      this.#watcher = undefined;
    }
  }

  /** By what cleans up, say: processes that start now have another file. */
  #isBellRemoved(): boolean {
    return this.#bell !== undefined && fstatSync(this.#bell).nlink === 0;
  }

  #renewBell(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    closeSync(this.#bell!);
    this.#bell = undefined;
    this.#missed = 0;
    this.#watch();
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#schedule();
  }

  #schedule(afterMs = this.#betweenLooksMs): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(
      () => {
        if (this.#isBellRemoved()) this.#renewBell();
        if (this.#foundMs !== undefined && this.#rungMs < this.#foundMs) {
          this.#missed += 1;
          this.#missedMs = performance.now();
        }
        const startedMs = performance.now();
        this.#foundMs = this.#look() && this.#watcher !== undefined ? startedMs : undefined;
        if (this.#missed >= MOST_MISSED && this.#watcher !== undefined) this.#unwatch();
        else this.#schedule();
      },
      Math.min(afterMs, LONGEST_TIMER_MS),
    );
    this.#timer.unref();
  }

  get #betweenLooksMs(): number {
    const [least, most] = RETRY_MS;
    if (this.#failures > 0) return Math.min(most, least * 2 ** (this.#failures - 1));
    const { pollMs } = this.#options;
    const isReliable = this.#watcher !== undefined && performance.now() - this.#missedMs > DOUBT_MS;
    const betweenMs = isReliable ? Math.max(pollMs, WATCHED_POLL_MS) : pollMs;
    return this.#foundMs === undefined ? betweenMs : Math.min(betweenMs, REPORT_MS);
  }

  #look(): boolean {
    const { look, onFailure, onRecovery } = this.#options;
    if (this.#stopped) return false;
    try {
      const found = look();
      if (this.#failures > 0) {
        this.#failures = 0;
        onRecovery();
      }
      return found;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1 && !onFailure(error)) this.stop();
      else this.#schedule();
      return false;
    }
  }
}
