/**
 * Notices what other processes wrote: the system tells when LMDB's file changes (`inotify` on Linux), and a look now and then
 * stands in where it does not. A look that fails is tried again, ever more rarely.
 */
import { statSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";

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
const RETRY_MS = [100, 5_000] as const;
/**
 * Looks that follow a report, in milliseconds after the one before. LMDB writes to the file first and announces the commit in
 * memory afterwards, so that the first look may come between the two. No other report follows then.
 */
const AFTERWARDS_MS = [1, 5, 50, 500] as const;

export class Follower {
  readonly #options: FollowerOptions;
  #watcher: FSWatcher | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #afterwards: ReturnType<typeof setTimeout> | undefined;
  /** How many of the looks that follow the last report were made. */
  #made = 0;
  /** Whether one of the reports came while the first of these looks was waited for. */
  #isReportedAgain = false;
  #missed = 0;
  #failures = 0;
  #stopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#watch();
    this.#schedule();
  }

  /** Looks at once, but for a while after a failure. */
  look(): void {
    if (this.#failures === 0) this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#afterwards);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    const { path } = this.#options;
    if (path === undefined) return;
    try {
      const file = statSync(path).isDirectory() ? join(path, "data.mdb") : path;
      const watcher = watch(file, { persistent: false }, () => {
        // A commit is several writes, each with a report: they share a look.
        if (this.#isSoon) {
          this.#isReportedAgain = true;
          return;
        }
        this.#lookAsReported();
        // Anew: the look that a report before it waits for may be far.
        clearTimeout(this.#afterwards);
        this.#afterwards = undefined;
        this.#made = 0;
        this.#lookAfterwards();
      });
      watcher.on("error", () => this.#unwatch());
      this.#watcher = watcher;
    } catch {
      // No more watches are to be had, say. The looks remain.
      this.#watcher = undefined;
    }
  }

  #lookAfterwards(): void {
    const afterMs = AFTERWARDS_MS[this.#made];
    if (this.#afterwards !== undefined || afterMs === undefined || this.#stopped) return;
    this.#afterwards = setTimeout(() => {
      this.#afterwards = undefined;
      this.#made = this.#isReportedAgain ? 0 : this.#made + 1;
      this.#isReportedAgain = false;
      this.#lookAsReported();
      this.#lookAfterwards();
    }, afterMs);
    this.#afterwards.unref();
  }

  #lookAsReported(): void {
    if (this.#failures === 0 && this.#look()) this.#missed = 0;
  }

  get #isSoon(): boolean {
    return this.#afterwards !== undefined && this.#made === 0;
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const { pollMs } = this.#options;
    const [least, most] = RETRY_MS;
    let afterMs = this.#watcher === undefined ? pollMs : Math.max(pollMs, WATCHED_POLL_MS);
    if (this.#failures > 0) afterMs = Math.min(most, least * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(
      () => {
        const found = this.#look();
        if (found && this.#watcher !== undefined) this.#missed += 1;
        if (this.#missed >= MOST_MISSED && this.#watcher !== undefined) this.#unwatch();
        else this.#schedule();
      },
      Math.min(afterMs, LONGEST_TIMER_MS),
    );
    this.#timer.unref();
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
