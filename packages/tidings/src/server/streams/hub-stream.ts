/**
 * A subscriber's stream, as the hub knows it: an outlet and a cursor, and no queue.
 */
import { SharedGzipOutlet } from "../compression/shared-gzip.ts";
import type { Conflation } from "../entries/conflation.ts";
import type { LoggedPage } from "../entries/page-reader.ts";
import { SubscriberGroup } from "./subscriber-group.ts";
import type { OnGap, ToldGap } from "../gaps/gap.ts";
import { formatCursor } from "../../log/cursor.ts";
import type { Batch } from "../out/batch.ts";
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import type { Linked } from "./stream-list.ts";
import type { Timed } from "../time/timer-wheel.ts";
import type { TopicSelection, TopicSelector } from "../topics/topic-selection.ts";
import type { StreamEnd, Subscription, TopicsUpdate, UpdateResult } from "./subscription.ts";

export type StreamGroup = SubscriberGroup<HubStream>;

/**
 * The way back. Rooms of a hub import each other in one direction; what they ask against it goes through this interface,
 * which the hub implements.
 */
export interface HubLink {
  /** Of the log that is open now. */
  readonly epoch: string;
  /** There may be something to write to a stream: its peer took what it had, its page was read, its heartbeat is due. */
  wake(stream: HubStream): void;
  /** A stream's time is up: a heartbeat, a stalled peer, the end of a lifetime. @returns Milliseconds until the next. */
  due(stream: HubStream, nowMs: number): number | undefined;
  /** A stream is to end after what was written to it. @param error - Why it cannot go on; reported to the application. */
  end(stream: HubStream, end: StreamEnd, error?: unknown): void;
  /** A stream is open. */
  entered(stream: HubStream): void;
  /** The response of a stream is over. */
  closed(stream: HubStream): void;
  /** Its peer does not take what was written, or does again. */
  blocked(stream: HubStream, batch: Batch): void;
  unblocked(stream: HubStream): void;
  /** Its topics are to change. */
  update(stream: HubStream, update: TopicsUpdate): Promise<UpdateResult>;
}

/** Who reads, and from where: what the stream counts against while it is open. */
export interface StreamPlace {
  readonly subscriber: string | undefined;
  readonly address: string | undefined;
}

/** What was agreed when it was opened. */
export interface StreamTerms extends StreamPlace {
  readonly onGap: OnGap;
  readonly askState: AskState | undefined;
  readonly agreement: StreamAgreement | undefined;
}

/** What the application is asked of a stream that is open, when its topics change. */
export interface StreamAgreement {
  /** Whether it may have these topics. Rejects with what the application did wrong. */
  allows(topics: readonly TopicSelector[], signal: AbortSignal): Promise<boolean>;
  /** These are its topics from now on. */
  agreed(topics: readonly TopicSelector[]): void;
  /** What asks for the state of topics; undefined where they have none. */
  stateOf(names: readonly string[]): AskState | undefined;
}

/** What it selected before, and up to which offset. */
export interface EarlierSelection {
  readonly selection: TopicSelection;
  readonly upTo: number;
}

/** Asks for the state at an offset, as bytes that end with the id. `signal` aborts when the peer leaves. */
export type AskState = (offset: number, signal: AbortSignal) => Promise<Uint8Array[]>;

/** Where a stream begins. */
export interface StreamStart {
  /** What went out with its head. */
  readonly first: Batch;
  /** The offset behind which it begins. */
  readonly startOffset: number;
  /** Where it stands after `first`: everything selected up to here is in it, or was reported as lost. */
  readonly offset: number;
  readonly lossToldUpTo: number;
  /** What was reported to it as lost. */
  readonly told: ToldGap | undefined;
  /** What follows `first`, where that is known. */
  readonly page?: LoggedPage | undefined;
}

/** What comes due for a stream besides its heartbeat, by the hub's clock. */
export interface Deadlines {
  /** When it is to end, and as what. */
  endsAtMs: number;
  endsAs: StreamEnd;
  /** When it is to be authorized again. */
  recheckAtMs: number;
  recheck: (() => void) | undefined;
}

/** Gaps that are remembered of one stream, and selections. */
const MOST_GAPS = 16;
const LOADED_AT_MS = Date.now();

/**
 * Most streams are idle: they are worth their fields and nothing else. So times are whole milliseconds, which fit into the
 * field itself, and what few of them need is made for those few.
 */
export class HubStream implements Linked<HubStream>, Timed, Subscription, OutletOwner, StreamPlace {
  previous: HubStream | undefined;
  next: HubStream | undefined;
  dueTick = 0;

  readonly outlet: Outlet;
  group: StreamGroup;
  readonly onGap: OnGap;
  readonly subscriber: string | undefined;
  readonly address: string | undefined;
  /** Asks the application for the state of its topics; absent where there is no `snapshot`. */
  askState: AskState | undefined;
  /** Absent where the application is not asked. */
  readonly agreement: StreamAgreement | undefined;
  /** Everything selected up to this offset was written, or reported as lost. */
  offset: number;
  /** Losses up to this offset were reported, or need not be. */
  lossToldUpTo: number;
  /** The newest offset that the peer has as its last event ID. */
  sentOffset: number;
  /** What is not written yet: what the log gave, or a gap with the state behind it. */
  page: LoggedPage | Batch | undefined;
  /** The page that its peer has not taken, so that others at the same place share its bytes. */
  held: LoggedPage | undefined;
  /** The log is being read for it. */
  reading = false;
  /** The peer has not taken what was written: nothing more is, until it has. */
  blocked = false;
  /** It once had everything there was: one that returns and catches up is not slow. */
  caughtUp = false;
  /** It was blocked, and takes bytes again. */
  drained = false;
  /** What is gathered for it instead of everything, as its reader is slow. */
  conflation: Conflation | undefined;
  /** It stands in the fan-out's queue of single streams. */
  ready = false;
  heartbeatDue = false;
  /** The offset that it began behind. */
  readonly startOffset: number;
  /** The newest of the gaps it got. */
  gaps: ToldGap[] | undefined;
  /** The newest of the selections it had. */
  earlier: EarlierSelection[] | undefined;
  /** Why it ends; it may still have bytes to leave. */
  end: StreamEnd | undefined;
  lastWriteMs: number;
  /** By the wheel's `awakeMs`; once it is ended, since then. */
  blockedSinceMs = 0;
  blockedBytes = 0;
  deadlines: Deadlines | undefined;

  readonly #hub: HubLink;
  #ended: Promise<StreamEnd> | undefined;
  #resolve: ((end: StreamEnd) => void) | undefined;
  #over = false;
  readonly #openedMs: number = Date.now() - LOADED_AT_MS;

  constructor(
    hub: HubLink,
    outlet: Outlet,
    group: StreamGroup,
    terms: StreamTerms,
    start: StreamStart,
    nowMs: number,
  ) {
    this.#hub = hub;
    this.outlet = outlet;
    this.group = group;
    this.onGap = terms.onGap;
    this.subscriber = terms.subscriber;
    this.address = terms.address;
    this.askState = terms.askState;
    this.agreement = terms.agreement;
    this.offset = start.offset;
    this.sentOffset = Math.max(start.startOffset, start.first.lastOffset);
    this.startOffset = start.startOffset;
    if (start.told !== undefined) this.gaps = [start.told];
    this.lossToldUpTo = start.lossToldUpTo;
    this.lastWriteMs = Math.floor(nowMs);
    outlet.owner = this;
  }

  get cursor(): string {
    return formatCursor(this.#hub.epoch, this.offset);
  }

  /** When it was opened, in milliseconds since 1970. */
  get openedAtMs(): number {
    return LOADED_AT_MS + this.#openedMs;
  }

  get closed(): boolean {
    return this.end !== undefined;
  }

  get ended(): Promise<StreamEnd> {
    // Made for those who ask: most never do.
    this.#ended ??= this.#over
      ? Promise.resolve(this.end!)
      : new Promise((resolve) => {
          this.#resolve = resolve;
        });
    return this.#ended;
  }

  update(update: TopicsUpdate): Promise<UpdateResult> {
    return this.#hub.update(this, update);
  }

  close(): void {
    this.#hub.end(this, "closed");
  }

  toJSON(): { cursor: string; closed: boolean } {
    return { cursor: this.cursor, closed: this.closed };
  }

  /** Its peer was told of this gap. An inspection shows the newest ones. */
  rememberGap(gap: ToldGap): void {
    this.gaps ??= [];
    if (this.gaps.length >= MOST_GAPS) this.gaps.shift();
    this.gaps.push(gap);
  }

  /** Goes on in another group, from its offset. */
  move(group: StreamGroup): void {
    this.earlier ??= [];
    if (this.earlier.length >= MOST_GAPS) this.earlier.shift();
    this.earlier.push({ selection: this.group.selection, upTo: this.offset });
    (this.blocked ? this.group.blocked : this.group.streams).remove(this);
    this.group = group;
    (this.blocked ? group.blocked : group.streams).add(this);
    if (this.outlet instanceof SharedGzipOutlet) this.outlet.join(group);
  }

  /** Its peer has not taken what was written. Out of the walk: those that read are not held up by stepping over it. */
  block(awakeMs: number, batch: Batch): void {
    this.blocked = true;
    this.group.streams.remove(this);
    this.group.blocked.add(this);
    this.blockedSinceMs = Math.floor(awakeMs);
    this.blockedBytes = this.outlet.bufferedBytes;
    this.#hub.blocked(this, batch);
  }

  /** Its peer takes bytes again. */
  onDrain(): void {
    if (this.end !== undefined) return;
    if (this.blocked) {
      this.#hub.unblocked(this);
      this.blocked = false;
      this.held = undefined;
      this.group.blocked.remove(this);
      this.group.streams.add(this);
    }
    this.drained = true;
    this.#hub.wake(this);
  }

  onClose(): void {
    this.#hub.closed(this);
  }

  onFailed(error: unknown): void {
    this.#hub.end(this, "failed", error);
  }

  onDue(nowMs: number): number | undefined {
    return this.#hub.due(this, nowMs);
  }

  /** The response is over. */
  left(): void {
    this.#over = true;
    this.#resolve?.(this.end!);
  }
}
