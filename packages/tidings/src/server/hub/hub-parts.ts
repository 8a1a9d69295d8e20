/**
 * A hub whose log is open: what is recent, the groups and streams that read it, and the fan-out between them. What these ask
 * of each other against the direction of their imports (`HubLink`) is answered here.
 */
import type { Entry, Log, LogPosition, Retention, Tail, TailState } from "../../log/log.ts";
import { openLog } from "../../log/foreign-log.ts";
import { ControlFollower } from "../cluster/control-follower.ts";
import { punctualReader, punctualTail } from "../cluster/presence/event-keys.ts";
import { FailedRead } from "../entries/failed-read.ts";
import { Interest } from "../entries/interest.ts";
import { PageReader } from "../entries/page-reader.ts";
import { RecentEntries, type RecentEntriesLimits, type Route } from "../entries/recent-entries.ts";
import type { SlowPolicy } from "../entries/conflation.ts";
import { FanOut } from "../fan-out/fan-out.ts";
import { channels } from "../observe/diagnostics.ts";
import { increment, type HubCounters } from "../observe/hub-stats.ts";
import { WaitingReaders } from "../read/waiting-readers.ts";
import type { HubLink, HubStream, StreamGroup } from "../streams/hub-stream.ts";
import { BlockedBytes } from "../streams/blocked-bytes.ts";
import { HubStreams } from "../streams/hub-streams.ts";
import { SubscriberGroups } from "../streams/subscriber-groups.ts";
import type { Batch } from "../out/batch.ts";
import type { StreamEnd, TopicsUpdate, UpdateResult } from "../streams/subscription.ts";
import type { TurnGate } from "../time/turn-gate.ts";
import { CONTROL_TOPIC } from "../topics/reserved-topics.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import { TopicUpdates } from "../update/topic-updates.ts";
import type { HubEnvironment } from "./environment.ts";

export interface HubPartsOptions {
  readonly log: Log;
  readonly settings: {
    readonly retention: Retention;
    readonly recent: RecentEntriesLimits;
    readonly writeBytes: number;
    readonly messageBytes: number;
    readonly readBytes: number;
    readonly blockedBytes: number;
    readonly slowPolicyOf: ((topic: string) => SlowPolicy) | undefined;
    readonly heartbeatMs: number;
    readonly stallMs: number;
    readonly topicsPerStream: number;
    readonly selectionBytes: number;
    readonly cluster: { readonly presence: unknown } | undefined;
    readonly onError: (error: unknown) => void;
  };
  readonly environment: HubEnvironment;
  readonly counters: HubCounters;
  /** What the streams that open pass. */
  readonly openings: TurnGate;
  /** Called when a stream is over, and no longer among the open ones. */
  readonly onLeft: (stream: HubStream) => void;
  readonly onState: (state: TailState) => void;
  /** What processes tell each other: see the room `cluster`. */
  readonly onControl: (entry: Entry) => void;
  readonly onControlLost: (isReplaced: boolean) => void;
  readonly controlTopics: readonly string[];
  /** A stream is open; and the topics of one have changed. */
  readonly onEntered: (stream: HubStream) => void;
  readonly onMoved: (stream: HubStream, before: TopicSelection) => void;
}

/** A collection of garbage that falls into a slice adds a millisecond or two of its own. */
const SLICE_MS = 0.5;

export class HubParts implements HubLink {
  readonly recent: RecentEntries<StreamGroup>;
  readonly groups: SubscriberGroups;
  readonly streams: HubStreams;
  readonly pages: PageReader;
  readonly fanOut: FanOut;
  readonly readers: WaitingReaders = new WaitingReaders();
  readonly control: ControlFollower;
  readonly waiting: BlockedBytes;
  /** Nothing more is published. */
  drained = false;
  readonly #options: HubPartsOptions;
  readonly #updates: TopicUpdates;

  /** Opens the log, whose tail comes to what is recent. */
  static async open(options: HubPartsOptions): Promise<HubParts> {
    const { log, settings, onState } = options;
    let parts: HubParts | undefined;
    const early: Tail[] = [];
    const keepsPresence = settings.cluster?.presence !== undefined;
    const take = (tail: Tail): void =>
      void (parts === undefined ? early.push(tail) : parts.#take(keepsPresence ? punctualTail(tail) : tail));
    const position = await openLog(log, {
      retention: settings.retention,
      onTail: take,
      onReset: (next) => parts?.reset(next),
      onState,
      onError: settings.onError,
    });
    parts = new HubParts(position, options);
    for (const tail of early) take(tail);
    return parts;
  }

  private constructor({ epoch, head }: LogPosition, options: HubPartsOptions) {
    const { log, settings, environment, counters } = options;
    const { writeBytes, messageBytes, readBytes, slowPolicyOf, heartbeatMs, stallMs } = settings;
    const { schedule, now } = environment;
    const wheel = environment.wheel();
    this.#options = options;
    this.recent = new RecentEntries(epoch, head, settings.recent);
    if (log.follow !== undefined) {
      this.recent.interest = new Interest<Route<StreamGroup>>({
        log,
        onFollowed: (routes, offset) => {
          this.recent.followed(routes, offset);
          this.fanOut.wake();
          this.readers.wakeRoutes(routes);
        },
        onError: settings.onError,
      });
    }
    this.groups = new SubscriberGroups(this.recent, settings.selectionBytes);
    this.waiting = new BlockedBytes(settings.blockedBytes, (stream) => {
      // One that was ended before is only waited for.
      if (stream.end === undefined) this.streams.end(stream, "stalled");
      else stream.outlet.destroy();
    });
    this.streams = new HubStreams({
      recent: this.recent,
      groups: this.groups,
      hub: this,
      wheel,
      now,
      heartbeatMs,
      stallMs,
    });
    this.pages = new PageReader({
      recent: this.recent,
      log: settings.cluster?.presence === undefined ? log : punctualReader(log),
      writeBytes,
      messageBytes,
      readBytes,
      keepsEntries: slowPolicyOf !== undefined,
      wheel,
      openings: options.openings,
    });
    this.fanOut = new FanOut({
      recent: this.recent,
      pages: this.pages,
      groups: this.groups,
      hub: this,
      writeBytes,
      slowPolicyOf,
      sliceMs: SLICE_MS,
      schedule,
      now,
      wheel,
      counters,
    });
    this.recent.readers.push(this.fanOut, this.readers);
    this.#updates = new TopicUpdates({
      fanOut: this.fanOut,
      topicsPerStream: settings.topicsPerStream,
      groups: this.groups,
      keepsPresence: settings.cluster?.presence !== undefined,
      onError: settings.onError,
      onMoved: options.onMoved,
    });
    this.control = new ControlFollower(
      { epoch, head },
      {
        log,
        topics: options.controlTopics,
        urgent: CONTROL_TOPIC,
        onEntry: options.onControl,
        onLost: options.onControlLost,
        onError: settings.onError,
      },
    );
  }

  /** What processes tell each other is applied in its place: behind what came before it, and before what came after. */
  #take(tail: Tail): void {
    const { entries, through } = tail;
    let { after } = tail;
    let from = 0;
    for (let at = 0; at < entries.length; at += 1) {
      const { topic, offset } = entries[at]!;
      if (topic !== CONTROL_TOPIC) continue;
      this.#add({ after, through: offset, entries: entries.slice(from, at + 1) });
      after = offset;
      from = at + 1;
    }
    this.#add(from === 0 ? tail : { after, through, entries: entries.slice(from) });
  }

  #add(tail: Tail): void {
    this.recent.add(tail);
    this.control.add(tail);
  }

  /** Nothing more will come: readers in this process end. */
  finish(): void {
    this.drained = true;
    this.readers.wakeAll();
    this.recent.interest?.close?.();
    this.control.close();
  }

  /** Another log has replaced the one before. */
  reset(position: LogPosition): void {
    const { epoch } = this.recent;
    this.recent.reset(position);
    for (const group of this.groups) group.forget();
    this.pages.forget();
    this.fanOut.restart(this.streams, epoch);
    this.readers.wakeAll();
    this.control.reset(position);
  }

  wake(stream: HubStream): void {
    this.fanOut.enqueue(stream);
  }

  end(stream: HubStream, end: StreamEnd, error?: unknown): void {
    // Whatever was thrown: `undefined` too.
    if (end === "failed") FailedRead.report(this.#options.settings.onError, error);
    this.streams.end(stream, end);
  }

  due(stream: HubStream, nowMs: number): number | undefined {
    return this.streams.due(stream, nowMs);
  }

  blocked(stream: HubStream, batch: Batch): void {
    this.waiting.add(stream, batch);
  }

  unblocked(stream: HubStream): void {
    this.waiting.remove(stream);
  }

  update(stream: HubStream, update: TopicsUpdate): Promise<UpdateResult> {
    return this.#updates.update(stream, update);
  }

  entered(stream: HubStream): void {
    this.#options.onEntered(stream);
  }

  closed(stream: HubStream): void {
    this.streams.closed(stream);
    this.waiting.remove(stream);
    const end = stream.end!;
    increment(this.#options.counters.ended, end);
    this.groups.release(stream.group);
    this.fanOut.left(stream);
    this.#updates.left(stream);
    this.#options.onLeft(stream);
    const channel = channels["tidings:stream:end"];
    if (channel.hasSubscribers) channel.publish({ subscription: stream, reason: end });
  }

  get epoch(): string {
    return this.recent.epoch;
  }
}
