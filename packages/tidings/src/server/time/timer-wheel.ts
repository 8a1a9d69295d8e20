/**
 * One timer for everything that comes due: heartbeats, stalled peers, lifetimes. Streams cost an entry each, not a timer.
 * This module is browser compatible.
 */

/** What can wait in a wheel; in one at a time. */
export interface Timed {
  /** Kept by the wheel: the tick it waits for, 0 while it waits for none. Start with 0, and leave it alone. */
  dueTick: number;
  /**
   * Called once the time is up.
   * @param nowMs - `performance.now()`, read once for all that are due together.
   * @returns Milliseconds until the next call; undefined for none.
   */
  onDue(nowMs: number): number | undefined;
}

/** Times are whole ticks of 250 ms: nothing comes early, and on an idle process not more than a tick late. */
export class TimerWheel {
  readonly #slots = new Map<number, Set<Timed>>();
  #size = 0;
  #turnedTo = 0;
  #timer: WheelTimer | undefined;
  #turnedMs = 0;
  #stoodMs = 0;

  /** How many are waiting. The timer runs while there is one, and does not keep a process alive. */
  get size(): number {
    return this.#size;
  }

  /** Calls `timed` when `afterMs` have passed; one that waits already is moved. */
  add(timed: Timed, afterMs: number): void {
    this.remove(timed);
    const nowMs = performance.now();
    if (this.#timer?.set !== setInterval) this.#start(nowMs);
    this.#place(timed, nowMs + afterMs);
  }

  /**
   * A time without that during which the event loop stood still: the process was suspended, or something held the loop. Nobody looked
   * at its sockets meanwhile, so nobody can be blamed for it.
   */
  awakeMs(nowMs: number): number {
    return nowMs - this.#stoodMs;
  }

  remove(timed: Timed): void {
    const slot = timed.dueTick === 0 ? undefined : this.#slots.get(timed.dueTick);
    if (slot?.has(timed) !== true) return;
    this.#take(timed, slot);
    this.#stopWhenEmpty();
  }

  /** A test framework may have replaced the timers and the clock, or put them back: what waits is taken along. */
  #start(nowMs: number): void {
    this.#stop();
    const now = Math.floor(nowMs / TICK_MS);
    const waiting = [...this.#slots.values()].flatMap((slot) => [...slot]);
    this.#slots.clear();
    this.#size = 0;
    const later = now - this.#turnedTo;
    this.#turnedTo = now;
    this.#turnedMs = nowMs;
    for (const timed of waiting) this.#place(timed, (timed.dueTick + later) * TICK_MS);
    const timer = setInterval(() => this.#turn(), TICK_MS);
    this.#timer = { timer, set: setInterval, clear: clearInterval };
    // A number in browsers and Workers.
    (timer as { unref?(): void }).unref?.();
  }

  #take(timed: Timed, slot: Set<Timed>): void {
    slot.delete(timed);
    if (slot.size === 0) this.#slots.delete(timed.dueTick);
    timed.dueTick = 0;
    this.#size--;
  }

  #place(timed: Timed, dueMs: number): void {
    const tick = Math.max(Math.ceil(dueMs / TICK_MS), this.#turnedTo + 1);
    let slot = this.#slots.get(tick);
    if (slot === undefined) this.#slots.set(tick, (slot = new Set()));
    slot.add(timed);
    timed.dueTick = tick;
    this.#size++;
  }

  #turn(): void {
    const nowMs = performance.now();
    const lateMs = nowMs - this.#turnedMs - TICK_MS;
    if (lateMs >= STOOD_STILL_MS) this.#stoodMs += lateMs;
    this.#turnedMs = nowMs;
    const now = Math.floor(nowMs / TICK_MS);
    while (this.#turnedTo < now) {
      const slot = this.#slots.get(++this.#turnedTo);
      if (slot === undefined) continue;
      // One that is called may remove another that is due with it: a Set then skips it.
      for (const timed of slot) {
        this.#take(timed, slot);
        const afterMs = timed.onDue(nowMs);
        if (afterMs !== undefined && timed.dueTick === 0) this.#place(timed, nowMs + afterMs);
      }
    }
    this.#stopWhenEmpty();
  }

  #stopWhenEmpty(): void {
    if (this.#size === 0) this.#stop();
  }

  #stop(): void {
    // The function that belongs to it: another clock's does not know it.
    this.#timer?.clear.call(globalThis, this.#timer.timer);
    this.#timer = undefined;
  }
}

interface WheelTimer {
  readonly timer: ReturnType<typeof setInterval>;
  readonly set: typeof setInterval;
  readonly clear: typeof clearInterval;
}

/**
 * The wheel for streams of this process. In Workers each stream gets its own: there a timer belongs to the request that
 * started it, and ends with it.
 */
export function sharedWheel(): TimerWheel {
  return IS_WORKERD ? new TimerWheel() : shared;
}

const TICK_MS = 250;
/** What comes later than this was not only waiting for its turn. */
export const STOOD_STILL_MS = 1_000;
const IS_WORKERD = typeof navigator === "object" && navigator.userAgent === "Cloudflare-Workers";
const shared = new TimerWheel();
