/**
 * What waits in this process for the peers of all event streams, and its bound: `maxBufferedBytes` bounds one stream, and a process
 * has many. Where it is too much, streams have to go: those whose peers have not caught up for longest.
 * This module is browser compatible.
 */

/** One of the streams that something waits for. */
export interface Holder {
  /** What it holds, now: it becomes less while its peer reads. */
  readonly heldBytes: number;
  /** Cuts it. */
  makeWay(): void;
}

export class TotalBuffered {
  /** What each held when it was last looked at; those whose peers have not caught up for longest first. */
  readonly #held = new Map<Holder, number>();
  #bytes = 0;

  bytes(): number {
    return this.#bytes;
  }

  /**
   * A peer has not taken what was written. Others make way while all hold more than `most`.
   * @param holder - Stays: a message that alone is larger than all of the room must reach someone.
   */
  add(holder: Holder, most: number): void {
    this.#look(holder);
    if (this.#bytes <= most) return;
    for (const other of this.#held.keys()) {
      if (other === holder) continue;
      // Its peer may have read since.
      this.#look(other);
      if (this.#bytes <= most) return;
      this.remove(other);
      other.makeWay();
      if (this.#bytes <= most) return;
    }
  }

  /** It has, or its response is over. */
  remove(holder: Holder): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#held.delete(holder);
    this.#bytes -= held;
  }

  #look(holder: Holder): void {
    const { heldBytes } = holder;
    this.#bytes += heldBytes - (this.#held.get(holder) ?? 0);
    this.#held.set(holder, heldBytes);
  }
}

/**
 * That of this process. In Workers each stream has its own: there no request may touch the stream of another, and the platform
 * bounds what a process holds.
 */
export function sharedTotal(): TotalBuffered {
  return IS_WORKERD ? new TotalBuffered() : shared;
}

const IS_WORKERD = typeof navigator === "object" && navigator.userAgent === "Cloudflare-Workers";
const shared = new TotalBuffered();
