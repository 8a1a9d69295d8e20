/**
 * The time of the server that keeps a log, which is one for all processes, while each of them may have a clock that is wrong. It is
 * told now and then; between, the monotonic clock of this process counts on, so that a jump of its own time changes nothing.
 * What a server says was true at some moment between question and answer: each answer bounds its time from both sides.
 * This module is browser compatible.
 */
export class ServerClock {
  /** When the monotonic clock was at 0, the server's time was this or later, */
  #fromMs: number | undefined;
  /** and this or earlier. */
  #untilMs = 0;

  /**
   * @param atMs - What the server said, cut to milliseconds.
   * @param askedMs - When the attempt was sent that was answered, by the monotonic clock of this process: not one before it.
   * @param answeredMs - When the answer came. Default: now.
   */
  told(atMs: number, askedMs: number, answeredMs: number = performance.now()): void {
    if (!Number.isFinite(atMs)) return;
    const fromMs = atMs - answeredMs;
    const untilMs = atMs + 1 - askedMs;
    // Both cannot be true where the server's clock was set, drifted, or is that of another server.
    const agrees = this.#fromMs !== undefined && fromMs <= this.#untilMs && untilMs >= this.#fromMs;
    this.#fromMs = agrees ? Math.max(this.#fromMs!, fromMs) : fromMs;
    this.#untilMs = agrees ? Math.min(this.#untilMs, untilMs) : untilMs;
  }

  /** Milliseconds since 1970, the earliest that it may be there: nothing is taken for older than it is. Undefined as long as nothing was told. */
  now(): number | undefined {
    return this.#fromMs === undefined ? undefined : this.#fromMs + performance.now();
  }

  /** The latest that it may be there. */
  latest(): number | undefined {
    return this.#fromMs === undefined ? undefined : this.#untilMs + performance.now();
  }
}
