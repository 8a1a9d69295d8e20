/**
 * The time of the server, which dates the entries and discards those that are too old. It is told when the tail begins and with
 * each message that comes live; between, the monotonic clock of this process counts on, so that a jump of its own time changes
 * nothing, and one of the server's is followed in either direction.
 */
export class ServerClock {
  /** The server's time when the monotonic clock was at 0. */
  #zeroMs: number | undefined;

  /** @param askedMs - The monotonic time at which it was asked: the answer is not older than that. */
  told(atMs: number, askedMs: number): void {
    if (Number.isFinite(atMs)) this.#zeroMs = atMs - askedMs;
  }

  /** Milliseconds since 1970; undefined as long as nothing was told. */
  now(): number | undefined {
    return this.#zeroMs === undefined ? undefined : this.#zeroMs + performance.now();
  }
}
