/**
 * What a request passes on its way to a stream: is there room, may it, from where. Whatever is known at once is not waited
 * for: a turn of the microtasks for each of thousands of streams that return together adds up.
 */
import { tell } from "../../guard/foreign.ts";
import { type InContext, ownContext } from "../../guard/own-context.ts";
import { within } from "../../guard/within.ts";
import type { Log } from "../../log/log.ts";
import type { StreamQuota } from "./stream-quota.ts";
import { Agreement, type Asking, authorize, EXPIRED, UNLIMITED, type Grant } from "./authorization.ts";
import { checkCompression, type Compression } from "../compression/compression-options.ts";
import { type GzipOffer, offerGzip, openGzip } from "../compression/open-gzip.ts";
import { cursorOf, type RequestWithUrl } from "../request/last-event-id.ts";
import { channels } from "../observe/diagnostics.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import type { SubscriberGroups } from "../streams/subscriber-groups.ts";
import type { CheckData } from "../message/check-data.ts";
import { countGap, increment, type HubCounters } from "../observe/hub-stats.ts";
import { type AskState, type HubLink, HubStream, type StreamGroup } from "../streams/hub-stream.ts";
import type { HubStreams } from "../streams/hub-streams.ts";
import { findStart, type StartPoint } from "./start-point.ts";
import { LEFT } from "../adapters/pipelined.ts";
import { DRAINING, FULL_OF_TOPICS, FAILED, INTERRUPTED, REVOKED } from "./refusals.ts";
import type { OpenOutlet } from "../out/outlet.ts";
import { FailedRead } from "../entries/failed-read.ts";
import type { PageReader } from "../entries/page-reader.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import { DEFAULT_METHODS, refuseMethod } from "../request/methods.ts";
import type { WatchPeer } from "../request/peer.ts";
import { Batch } from "../out/batch.ts";
import { synchronousFilter } from "../topics/synchronous-filter.ts";
import { type SnapshotContext, stateAsker } from "./snapshot.ts";
import { type Refusal, withAppHeaders } from "../request/refusal.ts";
import { responseHead } from "../out/response-head.ts";
import { SelectionCache } from "../topics/selection-cache.ts";
import { checkPresenceKept, type TopicSelection } from "../topics/topic-selection.ts";
import { checkSubscribeOptions, pickLifetime, type SubscribeOptions } from "./subscribe-options.ts";

/** What of a hub is there once its log is open. */
export interface PipelineParts extends HubLink {
  readonly recent: RecentEntries<StreamGroup>;
  readonly pages: PageReader;
  readonly fanOut: FanOut;
  readonly groups: SubscriberGroups;
  readonly streams: HubStreams;
}

/** Of the hub's options, what concerns its subscriptions. */
export interface PipelineSettings {
  readonly writeBytes: number;
  readonly timeoutMs: number;
  readonly topicsPerStream: number;
  readonly cluster: { readonly presence: unknown } | undefined;
  readonly compression: Compression | undefined;
  readonly checkData: CheckData | undefined;
  readonly onError: (error: unknown) => void;
}

export interface PipelineOptions {
  readonly settings: PipelineSettings;
  readonly quota: StreamQuota;
  readonly counters: HubCounters;
  readonly log: Log;
  readonly now: () => number;
  readonly parts: Promise<PipelineParts>;
  /** Whether nothing comes from the log, and has not for a while. */
  readonly isInterrupted: () => boolean;
}

/** The stream, why there is none, or undefined when the peer has left or asked for the head alone. */
export type Received = HubStream | Refusal | undefined;

interface PendingSubscription {
  readonly lastEventId: string;
  readonly subscriber: string | undefined;
  readonly address: string | undefined;
  readonly options: SubscribeOptions;
  readonly selection: TopicSelection;
  readonly offer: GzipOffer;
  readonly lifetimeMs: number;
  readonly openOutlet: OpenOutlet;
  /** Aborts when its peer leaves, or it is revoked, while the application decides. */
  readonly controller: AbortController | undefined;
  /** Of its request, for what the application is asked later; where it is asked. */
  readonly inContext: InContext | undefined;
  group: StreamGroup | undefined;
  /** Nothing may be opened for it any more. */
  isOver: boolean;
  /** Ends it while it waits for the application or the log. */
  settle: ((received: Received) => void) | undefined;
}

export class SubscribePipeline {
  #closed = false;
  readonly #options: PipelineOptions;
  readonly #selections = new SelectionCache();
  /** Those that wait for the application or the log: at most as many as have a place. */
  readonly #waiting = new Set<PendingSubscription>();
  #parts: PipelineParts | undefined;
  /** Why the log could not be opened. */
  #unopened: { readonly error: unknown } | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    options.parts.then(
      (parts) => (this.#parts = parts),
      (error: unknown) => (this.#unopened = { error }),
    );
  }

  /**
   * Throws at once for a mistake in the call. After that nothing rejects: a failure is reported, and the peer refused.
   * @param waits - The refusal of a request whose turn on its connection has not come.
   * @throws {TypeError} If an option is wrong.
   * @throws {RangeError} If a number in the options is out of range.
   */
  receive(
    request: RequestWithUrl,
    address: string | undefined,
    options: SubscribeOptions,
    openOutlet: OpenOutlet,
    watchPeer: WatchPeer,
    waits: Refusal | undefined,
  ): Received | Promise<Received> {
    checkSubscribeOptions(options);
    const { subscriber, headers = NO_HEADERS, methods = DEFAULT_METHODS } = options;
    const lastEventId = cursorOf(request);
    // A mistake in the call is found before anything is waited for.
    const head = responseHead(options);
    const lifetimeMs = pickLifetime(options.lifetimeMs);
    const compression = this.#compressionOf(options);
    const badMethod = refuseMethod(request, methods, headers);
    if (badMethod !== undefined) return this.#refuse(badMethod, options);
    if (waits === LEFT) return LEFT;
    if (waits !== undefined) return this.#refuse(waits, options);
    if (this.#closed) return this.#refuse(DRAINING, options);
    let selection: TopicSelection;
    try {
      const { topicsPerStream, cluster } = this.#options.settings;
      selection = checkPresenceKept(
        this.#selections.get(options.topics, topicsPerStream),
        cluster?.presence !== undefined,
      );
    } catch (error) {
      // Topics often come with the request, but a list of them does not: that is a mistake in the call.
      if (!Array.isArray(options.topics)) this.#options.settings.onError(error);
      return this.#refuse({ code: "bad-topics", status: 400, detail: (error as Error).message }, options);
    }
    if (this.#options.isInterrupted()) return this.#refuse(INTERRUPTED, options);
    const { quota } = this.#options;
    const full = quota.enter({ subscriber, address });
    if (full !== undefined) return this.#refuse(full, options);
    const asks = options.authorize !== undefined || options.snapshot !== undefined;
    const pending: PendingSubscription = {
      lastEventId,
      subscriber,
      address,
      options,
      selection,
      offer: offerGzip(request, head, compression),
      lifetimeMs,
      openOutlet,
      controller: asks ? new AbortController() : undefined,
      inContext: asks ? ownContext() : undefined,
      group: undefined,
      isOver: false,
      settle: undefined,
    };
    try {
      const received =
        this.#parts === undefined || options.authorize !== undefined
          ? this.#ask(pending)
          : this.#place(this.#parts, pending, UNLIMITED);
      if (received instanceof Promise) return this.#wait(pending, received, watchPeer);
      return this.#settle(pending, received);
    } catch (error) {
      return this.#settle(pending, this.#failure(error));
    }
  }

  /** The hub drains: new subscriptions are refused, and those that wait, since what they wait for may never come. */
  close(): void {
    this.#closed = true;
    for (const pending of this.#waiting) pending.settle?.(DRAINING);
  }

  /** Refuses those of a subscriber that wait for the application or the log. Returns how many there were. */
  revoke(subscriber: string): number {
    let revoked = 0;
    for (const pending of this.#waiting) {
      if (pending.subscriber !== subscriber) continue;
      pending.settle?.(REVOKED);
      revoked += 1;
    }
    return revoked;
  }

  /** The application may take long, or never answer. When the peer leaves meanwhile, its place is freed at once. */
  #wait(pending: PendingSubscription, asked: Promise<Received>, watchPeer: WatchPeer): Promise<Received> {
    return new Promise((resolve) => {
      let unwatch: (() => void) | undefined;
      const settle = (received: Received): void => {
        if (pending.isOver) return;
        pending.isOver = true;
        this.#waiting.delete(pending);
        unwatch?.();
        if (!(received instanceof HubStream))
          pending.controller?.abort(new Error("The peer left, or was refused"));
        resolve(this.#settle(pending, received));
      };
      pending.settle = settle;
      this.#waiting.add(pending);
      asked.then(settle, (error: unknown) => {
        if (!pending.isOver) settle(this.#failure(error));
      });
      try {
        unwatch = watchPeer(() => settle(undefined));
      } catch (error) {
        // Middleware has wrapped its response.
        return settle(this.#failure(error));
      }
      if (pending.isOver) unwatch();
    });
  }

  async #ask(pending: PendingSubscription): Promise<Received> {
    const { options, controller } = pending;
    let grant = UNLIMITED;
    if (options.authorize !== undefined) {
      const answer = await authorize(options, true, controller!.signal, this.#asking);
      if ("code" in answer) return answer;
      grant = answer;
    }
    const parts = this.#parts ?? (await within(PATIENCE_MS, this.#options.parts));
    if (parts === undefined) return INTERRUPTED;
    return pending.isOver ? undefined : this.#place(parts, pending, grant);
  }

  #place(parts: PipelineParts, pending: PendingSubscription, grant: Grant): Received | Promise<Received> {
    const { options, lastEventId, offer } = pending;
    const { snapshot, filter, envelope } = options;
    const view = { filter: filter && synchronousFilter(filter), envelope };
    if (!parts.groups.hasRoomFor(pending.selection, view)) return FULL_OF_TOPICS;
    const group = parts.groups.acquire(pending.selection, view);
    pending.group = group;
    const askState =
      snapshot &&
      stateAsker(
        pending.inContext!(snapshot),
        pending.selection.names,
        this.#snapshotContext(parts, options),
      );
    const start = findStart({
      lastEventId,
      group,
      recent: parts.recent,
      log: this.#options.log,
      pages: parts.pages,
      fanOut: parts.fanOut,
      options,
      askState,
      prologue: options.retryMs === undefined ? undefined : offer.head.first.bytes,
      signal: pending.controller?.signal,
    });
    if (!(start instanceof Promise)) return this.#enter(parts, pending, group, grant, start, askState);
    return start.then((found) =>
      "code" in found ? found : this.#enter(parts, pending, group, grant, found, askState),
    );
  }

  #enter(
    parts: PipelineParts,
    pending: PendingSubscription,
    group: StreamGroup,
    grant: Grant,
    start: StartPoint,
    askState: AskState | undefined,
  ): Received {
    if (pending.isOver) return undefined;
    if (this.#closed) return DRAINING;
    const { now, settings, counters } = this.#options;
    const { options, subscriber, address, lifetimeMs, lastEventId } = pending;
    const nowMs = now();
    if (grant.expiresAt <= nowMs) return EXPIRED;
    const outlet = openGzip(pending.openOutlet, pending.offer, start.first, group, counters);
    if (outlet.closed) return undefined;

    const agreement = this.#agreementOf(parts, pending);
    const terms = { onGap: options.onGap ?? "live", subscriber, address, askState, agreement };
    // From here on it is a stream, also for what `onOpen` calls.
    this.#waiting.delete(pending);
    const stream = new HubStream(parts, outlet, group, terms, start, nowMs);
    // A peer that did not take what went out with the head gets nothing more until it has.
    stream.blocked = !outlet.write(NOTHING);
    if (!stream.blocked) stream.page = start.page;
    const endsAtMs = nowMs + lifetimeMs;
    if (endsAtMs < Infinity) {
      stream.deadlines = { endsAtMs, endsAs: "lifetime", recheckAtMs: Infinity, recheck: undefined };
    }
    agreement?.keep(stream, grant);
    counters.opened += 1;
    counters.deliveries += start.first.messages;
    parts.streams.enter(stream, start.first, nowMs);
    const channel = channels["tidings:stream:open"];
    if (channel.hasSubscribers) channel.publish({ subscription: stream, subscriber, lastEventId });
    if (start.gap !== undefined) countGap(counters, stream, start.gap);
    tell(settings.onError, options.onOpen, stream);
    return stream;
  }

  /** Made for those whose application is asked: it keeps what they were opened with. */
  #agreementOf(parts: PipelineParts, { options, inContext }: PendingSubscription): Agreement | undefined {
    const { topics, subscriber } = options;
    if (inContext === undefined) return undefined;
    const decide = options.authorize && inContext(options.authorize);
    const snapshot = options.snapshot && inContext(options.snapshot);
    const context = this.#snapshotContext(parts, options);
    return new Agreement({
      asked: {
        topics,
        ...(decide && { authorize: decide }),
        ...(subscriber !== undefined && { subscriber }),
      },
      stateOf: (names) =>
        snapshot === undefined || names.length === 0 ? undefined : stateAsker(snapshot, names, context),
      streams: parts.streams,
      asking: this.#asking,
      onError: this.#options.settings.onError,
    });
  }

  #snapshotContext({ recent }: PipelineParts, { envelope }: SubscribeOptions): SnapshotContext {
    const { checkData, timeoutMs } = this.#options.settings;
    return { recent, checkData, timeoutMs, envelope };
  }

  #settle(pending: PendingSubscription, received: Received): Received {
    if (received instanceof HubStream) return received;
    this.#release(pending);
    return received === undefined ? undefined : this.#refuse(received, pending.options);
  }

  /** What is wrong with the call was found before: this is foreign code's failure, whatever its class. */
  #failure(error: unknown): Refusal {
    // That the log cannot be opened is reported by the hub, once for all.
    const isKnown = this.#unopened !== undefined && this.#unopened.error === error;
    if (!isKnown) FailedRead.report(this.#options.settings.onError, error);
    return FAILED;
  }

  #release(pending: PendingSubscription): void {
    this.#options.quota.leave(pending);
    if (pending.group !== undefined) this.#parts!.groups.release(pending.group);
  }

  #refuse(refusal: Refusal, { subscriber, headers = {} }: SubscribeOptions): Refusal {
    if (refusal.status !== 204) increment(this.#options.counters.refused, refusal.code);
    const channel = channels["tidings:stream:refuse"];
    if (channel.hasSubscribers) channel.publish({ ...refusal, subscriber });
    return withAppHeaders(refusal, headers);
  }

  get #asking(): Asking {
    return { now: this.#options.now, timeoutMs: this.#options.settings.timeoutMs };
  }

  #compressionOf({ compression }: SubscribeOptions): Compression | undefined {
    const { settings } = this.#options;
    if (compression === undefined) return settings.compression;
    if (compression === true) return settings.compression ?? checkCompression("subscribe", true);
    return checkCompression("subscribe", compression);
  }
}

const NOTHING = new Batch([]);
const NO_HEADERS = {};
/** How long streams wait for a log that opens. */
const PATIENCE_MS = 5_000;
