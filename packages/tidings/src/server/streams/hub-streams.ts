/**
 * The open streams of a hub: what comes due for each, and how each ends.
 */
import { encode } from "../../wire/encode.ts";
import { Batch } from "../out/batch.ts";
import type { SubscriberGroups } from "./subscriber-groups.ts";
import type { HubLink, HubStream } from "./hub-stream.ts";
import type { TimerWheel } from "../time/timer-wheel.ts";
import type { StreamEnd } from "./subscription.ts";

export interface HubStreamsOptions {
  readonly recent: { readonly head: number };
  readonly hub: HubLink;
  readonly groups: SubscriberGroups;
  readonly wheel: TimerWheel;
  readonly now: () => number;
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

export class HubStreams {
  readonly #options: HubStreamsOptions;
  /** Streams that were ended and have bytes to leave; the others stand in their groups. */
  readonly #leaving = new Set<HubStream>();
  #size = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: HubStreamsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Those that are open, then those that are leaving. One that is ended meanwhile may come twice. */
  *[Symbol.iterator](): Iterator<HubStream> {
    for (const group of this.#options.groups) {
      yield* group.streams;
      yield* group.blocked;
    }
    yield* this.#leaving;
  }

  /** Adds a stream whose head was sent with `first`, and sends it what was published meanwhile. */
  enter(stream: HubStream, first: Batch, nowMs: number): void {
    const { recent, hub } = this.#options;
    this.#size += 1;
    const { streams, blocked } = stream.group;
    if (stream.blocked) {
      stream.blockedSinceMs = Math.floor(this.#options.wheel.awakeMs(nowMs));
      stream.blockedBytes = stream.outlet.bufferedBytes;
      hub.blocked(stream, first);
    }
    (stream.blocked ? blocked : streams).add(stream);
    this.#schedule(stream, nowMs);
    stream.caughtUp = stream.offset >= recent.head;
    if (!stream.caughtUp) hub.wake(stream);
    hub.entered(stream);
  }

  /** The response of a stream is over. */
  closed(stream: HubStream): void {
    this.#leave(stream, "peer-left");
    this.#leaving.delete(stream);
    this.#size -= 1;
    this.#options.wheel.remove(stream);
    stream.left();
    if (this.#size === 0) this.#onEmpty?.();
  }

  /** Looks anew at what comes due for a stream, after its times were changed. */
  reschedule(stream: HubStream): void {
    if (stream.end === undefined) this.#schedule(stream, this.#options.now());
  }

  #schedule(stream: HubStream, nowMs: number): void {
    const afterMs = this.#nextDue(stream, nowMs);
    if (afterMs !== undefined) this.#options.wheel.add(stream, afterMs);
  }

  /** Ends a stream after what was written to it. @param retryMs - Tells it when to return. */
  end(stream: HubStream, end: StreamEnd, retryMs?: number): void {
    if (stream.end !== undefined) return;
    this.#leave(stream, end);
    const { outlet } = stream;
    if (end === "stalled" || end === "failed") {
      // Cut, so that the client does not mistake it for complete; and a dead peer would never read an end.
      outlet.destroy();
      return;
    }
    if (retryMs !== undefined && !stream.blocked) outlet.write(Batch.of(encode({ retry: retryMs })));
    outlet.end();
    const { wheel, now } = this.#options;
    stream.blockedSinceMs = Math.floor(wheel.awakeMs(now()));
    wheel.add(stream, this.#farewellMs);
  }

  /** Cuts what is still there. */
  destroyAll(): void {
    for (const stream of this) stream.outlet.destroy();
  }

  /** Resolves when no stream is left, or after `ms`. */
  async empty(ms: number): Promise<void> {
    if (this.#size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  due(stream: HubStream, nowMs: number): number | undefined {
    const { hub, heartbeatMs, stallMs, wheel } = this.#options;
    const awakeMs = wheel.awakeMs(nowMs);
    if (stream.end !== undefined) {
      const leftMs = stream.blockedSinceMs + this.#farewellMs - awakeMs;
      if (leftMs > 0) return leftMs;
      // It was ended, and its peer does not take the end.
      stream.outlet.destroy();
      return undefined;
    }
    const { deadlines } = stream;
    if (deadlines !== undefined) {
      if (nowMs >= deadlines.endsAtMs) {
        this.end(stream, deadlines.endsAs);
        return undefined;
      }
      if (nowMs >= deadlines.recheckAtMs) {
        deadlines.recheckAtMs = Infinity;
        deadlines.recheck?.();
      }
    }
    if (stream.blocked) {
      const { bufferedBytes } = stream.outlet;
      if (bufferedBytes < stream.blockedBytes) stream.blockedSinceMs = Math.floor(awakeMs);
      stream.blockedBytes = bufferedBytes;
      if (awakeMs - stream.blockedSinceMs >= stallMs) {
        this.end(stream, "stalled");
        return undefined;
      }
    } else if (nowMs - stream.lastWriteMs >= heartbeatMs) {
      // Not written here: thousands may be due together, and the fan-out knows how to share the event loop.
      stream.heartbeatDue = true;
      stream.lastWriteMs = Math.floor(nowMs);
      hub.wake(stream);
    }
    return this.#nextDue(stream, nowMs);
  }

  #nextDue(stream: HubStream, nowMs: number): number | undefined {
    const { heartbeatMs, stallMs, wheel } = this.#options;
    const stoodMs = nowMs - wheel.awakeMs(nowMs);
    // A stream may become blocked at any time; then it is looked at often enough to notice within `stallMs` and a heartbeat.
    const soonest = Math.min(
      stream.blocked ? stream.blockedSinceMs + stoodMs + stallMs : stream.lastWriteMs + heartbeatMs,
      nowMs + Math.min(heartbeatMs, stallMs),
      stream.deadlines?.endsAtMs ?? Infinity,
      stream.deadlines?.recheckAtMs ?? Infinity,
    );
    return soonest === Infinity ? undefined : Math.max(1, soonest - nowMs);
  }

  /** How long a peer may take for the end. */
  get #farewellMs(): number {
    return Math.min(this.#options.stallMs, 30_000);
  }

  #leave(stream: HubStream, end: StreamEnd): void {
    if (stream.end !== undefined) return;
    stream.end = end;
    stream.page = undefined;
    stream.held = undefined;
    stream.conflation = undefined;
    const { streams, blocked } = stream.group;
    (stream.blocked ? blocked : streams).remove(stream);
    this.#leaving.add(stream);
  }
}
