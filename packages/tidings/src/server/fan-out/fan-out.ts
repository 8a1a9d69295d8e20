/**
 * Takes what was published to the streams. Publishing only appends; the streams that it concerns are walked afterwards, in
 * slices of half a millisecond with the event loop's other work between, and each is given everything since its cursor in
 * one write. With little to do that is each message at once; with much, messages join by themselves.
 *
 * A stream that cannot take bytes is left out until its outlet drains. One that has fallen behind what is recent reads
 * the log in pages. Nothing here waits for a peer, and nothing is kept for one.
 */
import { formatCursor } from "../../log/cursor.ts";
import type { PageReader } from "../entries/page-reader.ts";
import { encodeComment } from "../../wire/encode.ts";
import { Backlog } from "./backlog.ts";
import { type StreamChange, StreamChanges } from "./stream-changes.ts";
import type { SlowPolicy } from "../entries/conflation.ts";
import type { HubLink, HubStream, StreamGroup } from "../streams/hub-stream.ts";
import type { SubscriberGroups } from "../streams/subscriber-groups.ts";
import { Batch } from "../out/batch.ts";
import type { RecentEntries, RecentReader } from "../entries/recent-entries.ts";
import type { Timed, TimerWheel } from "../time/timer-wheel.ts";
import type { FanOutCounters } from "../observe/hub-stats.ts";

export interface FanOutOptions {
  readonly recent: RecentEntries<StreamGroup>;
  readonly pages: PageReader;
  readonly groups: SubscriberGroups;
  /** Bytes in one write at most, but for a message that alone is larger. */
  readonly writeBytes: number;
  /** Milliseconds of work before other callbacks of the event loop get their turn. */
  readonly sliceMs: number;
  /** Runs a function in a later turn of the event loop. */
  readonly schedule: (run: () => void) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly wheel: TimerWheel;
  readonly counters: FanOutCounters;
  /** What slow readers of a topic get; absent, all of them everything. */
  readonly slowPolicyOf?: ((topic: string) => SlowPolicy) | undefined;
  readonly hub: HubLink;
}

/** Groups that keep their last joined batch at once. */
const MOST_JOINED = 256;
/** How long: many who were cut off together return within a second, and miss the same. */
const JOINED_MS = 1_000;

export class FanOut implements RecentReader, Timed {
  dueTick = 0;
  readonly #options: FanOutOptions;
  /** Groups to walk: those of this round, from `#at`, and those of the next. */
  #groups: StreamGroup[] = [];
  #at = 0;
  #nextGroups: StreamGroup[] = [];
  /** Single streams: drained, with a page to write, or with a heartbeat due. */
  #streams: HubStream[] = [];
  #streamsAt = 0;
  #nextStreams: HubStream[] = [];
  readonly #backlog: Backlog;
  readonly #changes: StreamChanges;
  /** Groups that remember what they joined. */
  readonly #joined = new Set<StreamGroup>();
  #scheduled = false;
  #isFlushing = false;
  #nowMs = 0;

  constructor(options: FanOutOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options);
    this.#changes = new StreamChanges(options);
  }

  added(): void {
    this.wake();
  }

  /** There is something to write, to whatever stream. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.schedule(this.#run);
  }

  /** Gives a stream what waits for it, before it is ended: what was published in the same turn, mostly. */
  flush(stream: HubStream): void {
    // A filter may end streams, its own as well, and would be asked again.
    if (!this.#isFlushing) this.#flush(stream);
  }

  /**
   * Another log has replaced this one: each stream gets a gap, and continues in the new one as its `onGap` says.
   * @param from - The epoch of the one before.
   */
  restart(streams: Iterable<HubStream>, from: string): void {
    this.#forgetJoined();
    for (const stream of streams) {
      if (stream.end !== undefined) continue;
      this.#backlog.restart(stream, formatCursor(from, stream.offset));
      this.enqueue(stream);
    }
  }

  /** A stream is over. */
  left(stream: HubStream): void {
    this.#backlog.forget(stream);
    this.#changes.forget(stream);
  }

  /** The topics of a stream are to change, as soon as it has got what was published until now. */
  change(stream: HubStream, change: StreamChange): void {
    this.#changes.add(stream, change);
    this.enqueue(stream);
  }

  /** Takes up one stream: it drained, is behind, or its heartbeat is due. */
  enqueue(stream: HubStream): void {
    if (stream.ready) return;
    stream.ready = true;
    this.#nextStreams.push(stream);
    this.wake();
  }

  /** What is recent of a group after `offset`, undefined when that does not reach back so far. */
  since(group: StreamGroup, offset: number): Batch | undefined {
    const { recent, writeBytes } = this.#options;
    const batch = group.since(offset, recent.head, writeBytes);
    if (batch !== undefined && batch.messages > 1) this.#remember(group);
    return batch;
  }

  readonly #run = (): void => {
    const { now, sliceMs, schedule } = this.#options;
    const startedMs = now();
    this.#nowMs = Math.floor(startedMs);
    const deadline = startedMs + sliceMs;
    this.#collect();
    for (let steps = 1; ; steps += 1) {
      // Turn about, so that neither a great group nor many that catch up hold the others back.
      const busy = this.#stepStreams();
      if (!this.#stepGroups() && !busy) {
        this.#scheduled = false;
        return;
      }
      if ((steps & 7) === 0 && now() >= deadline) break;
    }
    // The group under way goes behind the others, and on from where it stands.
    const group = this.#groups[this.#at];
    if (group !== undefined) {
      this.#at += 1;
      this.#nextGroups.push(group);
    }
    schedule(this.#run);
  };

  /** @internal Called by the timer wheel: kept longer, what was joined would be held for nothing. */
  onDue(): undefined {
    this.#forgetJoined();
    return undefined;
  }

  #forgetJoined(): void {
    for (const group of this.#joined) group.forget();
    this.#joined.clear();
  }

  #remember(group: StreamGroup): void {
    if (this.#joined.has(group)) return;
    if (this.#joined.size >= MOST_JOINED) this.#forgetJoined();
    this.#joined.add(group);
    if (this.dueTick === 0) this.#options.wheel.add(this, JOINED_MS);
  }

  #collect(): void {
    for (const route of this.#options.recent.takeDirty()) {
      for (const group of route.users) {
        group.dirty = true;
        if (group.queued) continue;
        group.queued = true;
        group.dirty = false;
        group.streams.rewind();
        this.#nextGroups.push(group);
      }
    }
  }

  /** @returns Whether there was anything to do. */
  #stepGroups(): boolean {
    if (this.#at >= this.#groups.length) {
      if (this.#nextGroups.length === 0) {
        if (this.#groups.length > 0) this.#groups = [];
        this.#at = 0;
        return false;
      }
      this.#groups = this.#nextGroups;
      this.#nextGroups = [];
      this.#at = 0;
    }
    const group = this.#groups[this.#at]!;
    const stream = group.streams.step();
    if (stream !== undefined) {
      this.#flush(stream);
      return true;
    }
    this.#at += 1;
    if (group.dirty) {
      group.dirty = false;
      group.streams.rewind();
      this.#nextGroups.push(group);
    } else {
      group.queued = false;
    }
    return true;
  }

  #stepStreams(): boolean {
    if (this.#streamsAt >= this.#streams.length) {
      if (this.#nextStreams.length === 0) {
        if (this.#streams.length > 0) this.#streams = [];
        this.#streamsAt = 0;
        return false;
      }
      this.#streams = this.#nextStreams;
      this.#nextStreams = [];
      this.#streamsAt = 0;
    }
    const stream = this.#streams[this.#streamsAt]!;
    this.#streamsAt += 1;
    stream.ready = false;
    this.#flush(stream);
    return true;
  }

  #flush(stream: HubStream): void {
    if (stream.end !== undefined || stream.blocked || stream.reading) return;
    const { recent, writeBytes } = this.#options;
    this.#isFlushing = true;
    try {
      if (stream.page !== undefined) {
        const delivery = this.#backlog.take(stream);
        if (delivery === "read-on") return this.#read(stream);
        if (delivery === undefined) return;
        const { batch, page, end } = delivery;
        if (batch !== undefined) this.#write(stream, batch);
        if (stream.blocked) stream.held = page;
        if (end !== undefined) this.#options.hub.end(stream, end);
      } else if (this.#backlog.hasToRestart(stream)) {
        return this.#read(stream);
      } else {
        const batch = stream.group.since(stream.offset, recent.head, writeBytes);
        // Its filter may have ended it.
        if (stream.end !== undefined) return;
        if (stream.drained) {
          stream.drained = false;
          const isSlow = stream.caughtUp && (batch === undefined || batch.upTo < recent.head);
          if (isSlow && this.#backlog.conflate(stream)) return this.#read(stream);
        }
        if (batch === undefined) return this.#read(stream);
        if (batch.messages > 1) this.#remember(stream.group);
        // What was read from the log may be newer than what its tail has handed on.
        if (batch.upTo > stream.offset) stream.offset = batch.upTo;
        if (batch.messages > 0) this.#write(stream, batch);
      }
    } catch (error) {
      // A filter threw: whether the message was for this stream cannot be known, so it may neither get it nor miss it.
      this.#options.hub.end(stream, "failed", error);
      return;
    } finally {
      this.#isFlushing = false;
    }
    if (stream.end !== undefined) return;
    if (stream.offset >= recent.head) stream.caughtUp = true;
    if (stream.blocked || this.#changes.take(stream)) return;
    if (stream.offset < recent.head) this.enqueue(stream);
    else if (stream.heartbeatDue) this.#heartbeat(stream);
  }

  /** Has the next page read for a stream. Nothing is written to it until that is there. */
  #read(stream: HubStream): void {
    const { pages, hub, recent } = this.#options;
    const { epoch } = recent;
    stream.reading = true;
    pages.read(stream.group, stream.conflation?.upTo ?? stream.offset).then(
      (page) => {
        stream.reading = false;
        if (stream.end !== undefined) return;
        // A page of a log that was replaced in the meantime is useless.
        if (epoch === recent.epoch) stream.page = page;
        this.enqueue(stream);
      },
      (error: unknown) => {
        stream.reading = false;
        if (stream.end === undefined) hub.end(stream, "failed", error);
      },
    );
  }

  #write(stream: HubStream, batch: Batch): void {
    const { counters } = this.#options;
    counters.deliveries += batch.messages;
    counters.writes += 1;
    counters.bytes += batch.length;
    if (batch.lastOffset > stream.sentOffset) stream.sentOffset = batch.lastOffset;
    stream.lastWriteMs = this.#nowMs;
    stream.heartbeatDue = false;
    // What it is written through may have failed, and ended it.
    if (stream.outlet.write(batch) || stream.end !== undefined) return;
    stream.block(this.#options.wheel.awakeMs(this.#nowMs), batch);
  }

  /** A sign of life. For a stream whose messages lie far back it moves the cursor, so that it does not fall out of retention. */
  #heartbeat(stream: HubStream): void {
    const { recent, counters } = this.#options;
    counters.heartbeats += 1;
    this.#write(stream, stream.sentOffset >= recent.head ? COMMENT : recent.headBatch);
  }
}

const COMMENT = Batch.of(encodeComment(""));
