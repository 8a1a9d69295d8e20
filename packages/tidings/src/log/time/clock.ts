/**
 * The time that a log goes by: the system's, but for what a log cannot survive. It never goes back, since the oldest entry has
 * to be the first one. And one wrong reading does not discard everything: a jump ahead is believed when it lasts.
 * This module is browser compatible.
 */
import { LogError } from "../log.ts";
import type { ServerClock } from "./server-clock.ts";

export interface LogClockOptions {
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Instead of the clock of this process, that of the server that keeps the log. A `now` that is ahead of it is not believed. */
  readonly server?: ServerClock | undefined;
  /** Milliseconds since any moment; runs evenly. Default: `performance.now`. */
  readonly monotonic?: (() => number) | undefined;
}

/** A jump ahead of more than this is not believed at once. */
const MOST_JUMP_MS = 60_000;
/** The same for a clock that was given, and for the time that passed while no process had the log open. */
const MOST_GIVEN_JUMP_MS = 86_400_000;
/** For how long the clock has to stay ahead. */
const BELIEVED_AFTER_MS = 60_000;

export class LogClock {
  /** Receives a {@link LogError} with code `clock` at each jump that is not believed at once. */
  onJump: ((error: LogError) => void) | undefined;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #mostJumpMs: number;
  readonly #whose: string;
  #atMs: number | undefined;
  #monotonicMs = 0;
  /** By the monotonic clock: since when the system's has been ahead. */
  #aheadSinceMs: number | undefined;

  constructor({ now, server, monotonic = () => performance.now() }: LogClockOptions = {}) {
    this.#now =
      server === undefined
        ? (now ?? Date.now)
        : () => Math.min(server.now() ?? 0, now === undefined ? Infinity : now());
    this.#monotonic = monotonic;
    this.#whose = server === undefined ? "this machine" : "the server";
    this.#mostJumpMs = now === undefined ? MOST_JUMP_MS : MOST_GIVEN_JUMP_MS;
  }

  /**
   * Milliseconds since 1970. Where the system's clock is not believed, what has passed by the monotonic one is added to the
   * last reading.
   * @param floor - The log has come so far already, by the clock of another process say.
   * @param expectedMs - What time it should be now, where something tells that: only the first reading takes it.
   */
  read(floor = 0, expectedMs?: number): number {
    const monotonicMs = this.#monotonic();
    const system = this.#now();
    const isFirst = this.#atMs === undefined;
    const last = Math.max(this.#atMs ?? (floor === 0 ? system : floor), floor);
    const isTold = !isFirst || expectedMs !== undefined;
    const expected = isFirst
      ? Math.max(last, expectedMs ?? last)
      : last + Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs = monotonicMs;
    const jump = system - expected;
    this.#atMs = last;
    if (jump > (isTold ? this.#mostJumpMs : MOST_GIVEN_JUMP_MS)) {
      if (this.#aheadSinceMs === undefined && isTold) this.#report(jump);
      this.#aheadSinceMs ??= monotonicMs;
      this.#atMs = monotonicMs - this.#aheadSinceMs >= BELIEVED_AFTER_MS ? system : expected;
    } else if (jump < -MOST_JUMP_MS && system < last) {
      // Far behind the log: ages are to pass all the same.
      this.#atMs = expected;
    } else {
      this.#aheadSinceMs = undefined;
      this.#atMs = Math.max(last, system);
    }
    return this.#atMs;
  }

  #report(jump: number): void {
    this.onJump?.(
      new LogError(
        "clock",
        `The clock of ${this.#whose} jumped ahead by ${Math.round(jump / 1_000)} s. What is retained by age is kept until the clock has stayed there for ${BELIEVED_AFTER_MS / 1_000} s`,
      ),
    );
  }
}
