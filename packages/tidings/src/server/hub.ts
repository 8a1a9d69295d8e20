/**
 * A hub: topics, their log, and the streams that read it, in one process. Publishing appends to the log; a stream is a
 * cursor in it; what is between them is the fan-out. Nothing is kept per subscriber but its place.
 */
import { formatCursor } from "../log/cursor.ts";
import type { AppendOptions, Draft, Entry, Log } from "../log/log.ts";
import { memoryLog } from "../log/memory.ts";
import { createFetchOutlet, type FetchRequest } from "./adapters/fetch.ts";
import type { FastifyReply } from "./adapters/fastify-reply.ts";
import { createNodeOutlet, type NodeRequest, type NodeResponse } from "./adapters/node.ts";
import { Admission, publicAddress } from "./admission.ts";
import { authorize, UNLIMITED, type Grant } from "./authorization.ts";
import { channels } from "./diagnostics.ts";
import { endAtPace, type DrainOptions } from "./drain.ts";
import { countGap, FanOut } from "./fan-out.ts";
import { Feeds } from "./feeds.ts";
import { HubError } from "./hub-error.ts";
import { checkOptions, type CheckedOptions, type HubOptions, type SubscribeOptions } from "./hub-options.ts";
import { HubCounters, increment, type HubStatistics } from "./hub-stats.ts";
import { HubStream, type HubFeed, type Subscription } from "./hub-stream.ts";
import { HubStreams } from "./hub-streams.ts";
import { EndedStreams, inspect, recordOf, type Inspection } from "./inspection.ts";
import { cursorOf, type RequestWithUrl } from "./cursor-of.ts";
import { openAt } from "./opening.ts";
import type { EventMap } from "./outgoing-message.ts";
import type { Outlet } from "./outlet.ts";
import { toDraft, type Publication } from "./publication.ts";
import { PublishRate } from "./publish-rate.ts";
import { RecentEntries } from "./recent-entries.ts";
import { refuseFetch, refuseNode, type Refusal } from "./refusal.ts";
import { responseHead, type ResponseHead } from "./response-head.ts";
import { selectTopics, type TopicSelection } from "./selection.ts";
import { sharedWheel, type TimerWheel } from "./timer-wheel.ts";

export interface Hub<Events extends object = EventMap> {
  /**
   * Appends one message to a topic. Resolves when the log has accepted it: from then on it reaches every subscriber that
   * stays, or returns within the retention. Resolves before any of them has it.
   * @throws {TypeError} If topic or message cannot be expressed.
   * @throws {RangeError} If a limit of sizes is passed.
   * @throws {HubError} `too-fast`, `closed`.
   * @throws {LogError} If the log could not take it.
   */
  publish(topic: string, message: Publication<Events>, options?: PublishOptions): Promise<Published>;
  /** Appends several messages, to any topics, all of them or none, next to each other in the order of the log. */
  publish(
    messages: readonly (Publication<Events> & { readonly topic: string })[],
    options?: PublishOptions,
  ): Promise<Published>;
  /**
   * Answers a Node-style request with an event stream of the topics, from its `Last-Event-ID` on. That is the header's, or
   * the query parameter `lastEventId`, which a first request can carry.
   * @returns The subscription; undefined when the request was refused, or its peer has left.
   */
  subscribe(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions<Events>,
  ): Promise<Subscription | undefined>;
  /** {@link subscribe} for servers that take a `Request` and want a `Response` back; also when it is refused. */
  respond(
    request: FetchRequest & { readonly url?: string },
    options: SubscribeOptions<Events>,
  ): Promise<Response>;
  /** Ends the streams of a subscriber. @returns How many. They may come back; see `authorize`. */
  revoke(subscriber: string): number;
  /**
   * Takes leave: refuses new streams with 503, ends the open ones at an even pace, each told when to return, then closes
   * the log. Publishing goes on until then. Resolves when no stream is left.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Why did a subscriber get the message with this id, or not? Looks at the streams that are open, and at the last 1,000
   * that are over; of one subscriber, when one is named. Of this process alone.
   */
  inspect(id: string, options?: { subscriber?: string }): Promise<Inspection>;
  /** What was counted since the hub was made, and what it holds now. */
  stats(): HubStatistics;
}

export interface PublishOptions {
  /** A second publish with the same key changes nothing and returns what the first one did. Remembered by the log, for minutes. */
  idempotencyKey?: string;
}

export interface Published {
  /** The cursor of the message; of several, that of the last. */
  readonly id: string;
  /** The cursors of all, in order. */
  readonly ids: readonly string[];
  /** Whether an earlier publish with the same idempotency key had done it. */
  readonly repeated: boolean;
}

/**
 * Makes a hub.
 * @throws {RangeError} If a limit is not a positive number.
 * @throws {TypeError} If a pattern cannot be compiled.
 */
export function createHub<Events extends object = EventMap>(options: HubOptions = {}): Hub<Events> {
  return new OpenHub(options, system);
}

/** What a hub takes from its platform; a simulation gives its own. */
export interface HubEnvironment {
  schedule: (run: () => void) => void;
  now: () => number;
  wheel: () => TimerWheel;
}

export const system: HubEnvironment = {
  schedule:
    typeof setImmediate === "function" ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0),
  now: () => performance.now(),
  wheel: sharedWheel,
};

const SLICE_MS = 1;

/** What is there once the log is open. */
interface Ready {
  readonly recent: RecentEntries<HubFeed>;
  readonly fanOut: FanOut;
  readonly feeds: Feeds;
  readonly streams: HubStreams;
}

export class OpenHub implements Hub {
  readonly #log: Log;
  readonly #environment: HubEnvironment;
  readonly #options: CheckedOptions;
  readonly #admission: Admission;
  readonly #rate: PublishRate | undefined;
  readonly #counters = new HubCounters();
  readonly #ended = new EndedStreams();
  readonly #opening: Promise<Ready>;
  #ready: Ready | undefined;
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(options: HubOptions, environment: HubEnvironment) {
    this.#options = checkOptions(options);
    this.#environment = environment;
    this.#log = options.log ?? memoryLog();
    this.#admission = new Admission(this.#options.admission);
    const { publishesPerSecond } = this.#options;
    if (publishesPerSecond !== Infinity) this.#rate = new PublishRate(publishesPerSecond);
    this.#opening = this.#open();
    this.#opening.catch((error: unknown) => this.#options.onError(error));
  }

  async publish(
    first: string | readonly (Publication & { readonly topic: string })[],
    second?: Publication | PublishOptions,
    third?: PublishOptions,
  ): Promise<Published> {
    const { messageBytes, messagesPerPublish } = this.#options;
    let drafts: Draft[];
    let options: PublishOptions | undefined;
    if (typeof first === "object") {
      options = second as PublishOptions | undefined;
      if (first.length === 0 || first.length > messagesPerPublish) {
        throw new RangeError(
          `Cannot publish: there are ${first.length} messages, expected 1 to ${messagesPerPublish} (limits.messagesPerPublish)`,
        );
      }
      drafts = first.map((message) => toDraft(message.topic, message, messageBytes));
    } else {
      options = third;
      drafts = [toDraft(first, second as Publication, messageBytes)];
    }
    const appendOptions = toAppendOptions(options);
    if (this.#closed) throw new HubError("closed", "Cannot publish: the hub has drained");
    this.#rate?.take(drafts.length, this.#environment.now());
    const { recent } = this.#ready ?? (await this.#opening);
    const { first: from, last, repeated } = await this.#log.append(drafts, appendOptions);
    if (!repeated) this.#counters.published += drafts.length;
    const ids: string[] = [];
    for (let offset = from; offset <= last; offset += 1) ids.push(formatCursor(recent.epoch, offset));
    const told = channels["tidings:publish"];
    if (told.hasSubscribers) told.publish({ topics: drafts.map(({ topic }) => topic), ids, repeated });
    return { id: ids.at(-1)!, ids, repeated };
  }

  async subscribe(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions,
  ): Promise<Subscription | undefined> {
    const { remoteAddress } = (request.socket ?? {}) as { remoteAddress?: string };
    const opened = await this.#subscribe(
      request,
      options.address ?? publicAddress(remoteAddress),
      options,
      (head) => createNodeOutlet(request, response, head),
    );
    if (opened === undefined || opened instanceof HubStream) return opened;
    refuseNode(response, opened);
    return undefined;
  }

  async respond(
    request: FetchRequest & { readonly url?: string | undefined },
    options: SubscribeOptions,
  ): Promise<Response> {
    let answer: Response | undefined;
    const opened = await this.#subscribe(request, options.address, options, (head) => {
      const { outlet, response } = createFetchOutlet(request, head);
      answer = response;
      return outlet;
    });
    return opened === undefined || opened instanceof HubStream ? answer! : refuseFetch(opened);
  }

  /** Nothing more will be published: streams end once they have it all. @returns The last cursor. */
  async finish(): Promise<string> {
    const { recent, fanOut, streams } = await this.#opening;
    fanOut.finish();
    for (const stream of streams) fanOut.enqueue(stream);
    return formatCursor(recent.epoch, recent.head);
  }

  revoke(subscriber: string): number {
    const { streams } = this.#ready ?? {};
    if (streams === undefined) return 0;
    let revoked = 0;
    for (const stream of streams) {
      if (stream.terms.subscriber !== subscriber || stream.closed) continue;
      streams.end(stream, "revoked");
      revoked += 1;
    }
    return revoked;
  }

  drain(options: DrainOptions = {}): Promise<void> {
    this.#draining ??= this.#drain(options);
    return this.#draining;
  }

  async inspect(id: string, options: { subscriber?: string } = {}): Promise<Inspection> {
    const { recent, streams } = this.#ready ?? (await this.#opening);
    const records = [...this.#ended];
    for (const stream of streams) records.push(recordOf(stream, undefined));
    const { subscriber } = options;
    const chosen =
      subscriber === undefined ? records : records.filter((record) => record.subscriber === subscriber);
    return inspect(id, chosen, this.#log, recent);
  }

  stats(): HubStatistics {
    const { recent, feeds, streams } = this.#ready ?? {};
    let blockedStreams = 0;
    for (const stream of streams ?? []) if (stream.blocked) blockedStreams += 1;
    return this.#counters.with({
      cursor: recent === undefined ? "" : formatCursor(recent.epoch, recent.head),
      streams: streams?.size ?? 0,
      blockedStreams,
      feeds: feeds?.size ?? 0,
      routes: recent?.routes ?? 0,
      recentMessages: recent?.messages ?? 0,
      recentBytes: recent?.bytes ?? 0,
    });
  }

  async #open(): Promise<Ready> {
    const {
      retention,
      recent: limits,
      writeBytes,
      slowPolicyOf,
      heartbeatMs,
      stallMs,
      onError,
    } = this.#options;
    const { schedule, now, wheel } = this.#environment;
    let ready: Ready | undefined;
    const early: Entry[] = [];
    const { epoch, head } = await this.#log.open({
      retention,
      onEntries: (entries) => {
        if (ready === undefined) early.push(...entries);
        else ready.recent.add(entries);
        ready?.fanOut.wake();
      },
      onError,
    });
    const recent = new RecentEntries<HubFeed>(epoch, head, limits);
    recent.add(early);
    const fanOut = new FanOut({
      recent,
      log: this.#log,
      writeBytes,
      sliceMs: SLICE_MS,
      schedule,
      now,
      counters: this.#counters,
      slowPolicyOf,
      onEnd: (stream, end, error) => {
        if (error !== undefined) onError(error);
        streams.end(stream, end);
      },
    });
    const feeds = new Feeds(recent);
    const streams = new HubStreams({
      epoch,
      fanOut,
      wheel: wheel(),
      now,
      heartbeatMs,
      stallMs,
      onLeft: (stream, end) => {
        increment(this.#counters.ended, end);
        this.#ended.add(recordOf(stream, Date.now()));
        const told = channels["tidings:stream:end"];
        if (told.hasSubscribers) told.publish({ subscription: stream, reason: end });
        feeds.release(stream.feed);
        stream.leave?.();
      },
    });
    ready = { recent, fanOut, feeds, streams };
    this.#ready = ready;
    return ready;
  }

  /** @returns The stream, why there is none, or undefined when the peer has left or asked for the head alone. */
  async #subscribe(
    request: RequestWithUrl,
    address: string | undefined,
    options: SubscribeOptions,
    openOutlet: (head: ResponseHead) => Outlet,
  ): Promise<HubStream | Refusal | undefined> {
    const refuse = (refusal: Refusal): Refusal => {
      increment(this.#counters.refused, refusal.code);
      const told = channels["tidings:stream:refuse"];
      if (told.hasSubscribers) told.publish({ ...refusal, subscriber: options.subscriber });
      return refusal;
    };
    const lastEventId = cursorOf(request);
    // A mistake in the call is found before anything is waited for.
    const { firstBytes, firstChunk: _, ...head } = responseHead(options);
    const lifetimeMs = pickLifetime(options.lifetimeMs);
    if (this.#draining !== undefined) return refuse(DRAINING);
    let selection: TopicSelection;
    try {
      selection = selectTopics(options.topics, this.#options.topicsPerStream);
    } catch (error) {
      return refuse({ code: "bad-topics", status: 400, detail: (error as Error).message });
    }
    const leave = this.#admission.enter(address, options.subscriber);
    if (typeof leave !== "function") return refuse(leave);

    let feed: HubFeed | undefined;
    let stream: HubStream | undefined;
    try {
      const grant = options.authorize === undefined ? UNLIMITED : await authorize(options, true);
      if ("code" in grant) return refuse(grant);
      const { recent, fanOut, feeds, streams } = this.#ready ?? (await this.#opening);
      feed = feeds.acquire(selection, options.filter);
      const opened = openAt({
        lastEventId,
        feed,
        recent,
        log: this.#log,
        fanOut,
        writeBytes: this.#options.writeBytes,
        options,
        prologue: options.retryMs === undefined ? undefined : firstBytes,
      });
      // What is known at once is not waited for: a turn of the microtasks for each stream that opens adds up.
      const opening = opened instanceof Promise ? await opened : opened;
      if ("code" in opening) return refuse(opening);
      if (this.#draining !== undefined) return refuse(DRAINING);
      const outlet = openOutlet({
        ...head,
        firstBytes: opening.firstBytes,
        firstChunk: opening.firstChunk,
      });
      if (outlet.closed) return undefined;

      const nowMs = this.#environment.now();
      const terms = { onGap: options.onGap ?? "live", subscriber: options.subscriber };
      stream = new HubStream(streams, outlet, feed, terms, opening, nowMs);
      const { expiresInMs } = grant;
      stream.endsAtMs = nowMs + Math.min(lifetimeMs, expiresInMs);
      if (expiresInMs < lifetimeMs) stream.endsAs = "expired";
      this.#recheck(stream, streams, options, grant);
      stream.leave = leave;
      this.#counters.opened += 1;
      this.#counters.deliveries += opening.messages;
      streams.enter(stream);
      const told = channels["tidings:stream:open"];
      if (told.hasSubscribers)
        told.publish({ subscription: stream, subscriber: options.subscriber, lastEventId });
      if (opening.gap !== undefined) countGap(this.#counters, stream, opening.gap);
      return stream;
    } catch (error) {
      // The response was not ours to begin with, or the application's own functions gave what cannot be used.
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      this.#options.onError(error);
      return refuse({
        code: "failed",
        status: 503,
        detail: "The stream cannot be served now",
        retryAfter: 5,
      });
    } finally {
      if (stream === undefined) {
        leave();
        if (feed !== undefined) this.#ready!.feeds.release(feed);
      }
    }
  }

  /** Has a stream that is open authorized again when its time comes. */
  #recheck(stream: HubStream, streams: HubStreams, options: SubscribeOptions, { recheckInMs }: Grant): void {
    if (recheckInMs === Infinity) return;
    const { now } = this.#environment;
    stream.recheckAtMs = now() + recheckInMs;
    stream.recheck = () => {
      authorize(options, false).then(
        (grant) => {
          if ("code" in grant) return streams.end(stream, "revoked");
          const endsAtMs = now() + grant.expiresInMs;
          if (endsAtMs < stream.endsAtMs || stream.endsAs === "expired") {
            stream.endsAtMs = endsAtMs;
            stream.endsAs = "expired";
          }
          this.#recheck(stream, streams, options, grant);
          streams.reschedule(stream);
        },
        (error: unknown) => {
          this.#options.onError(error);
          streams.end(stream, "revoked");
        },
      );
    };
  }

  async #drain(options: DrainOptions): Promise<void> {
    const { graceMs = 3_000 } = options;
    const { streams, fanOut } = await this.#opening;
    // The blocked go last: they may yet take what they have.
    const members = [...streams].sort((one, other) => Number(one.blocked) - Number(other.blocked));
    await endAtPace(members, options, (stream, retryMs) => {
      fanOut.flush(stream);
      streams.end(stream, "drained", retryMs);
    });
    await streams.empty(graceMs);
    streams.destroyAll();
    await streams.empty(graceMs);
    this.#closed = true;
    await this.#log.close();
  }
}

const DRAINING: Refusal = { code: "draining", status: 503, detail: "The hub is going away", retryAfter: 1 };

function pickLifetime(lifetimeMs: SubscribeOptions["lifetimeMs"]): number {
  if (lifetimeMs === undefined) return Infinity;
  const [least, most] = typeof lifetimeMs === "number" ? [lifetimeMs, lifetimeMs] : lifetimeMs;
  if (!(least > 0 && most >= least)) {
    throw new RangeError(
      `Cannot subscribe: lifetimeMs is ${least} to ${most}, expected numbers above 0, the smaller first`,
    );
  }
  return least + Math.random() * (most - least);
}

function toAppendOptions(options: PublishOptions = {}): AppendOptions {
  const { idempotencyKey } = options;
  if (idempotencyKey === undefined) return {};
  if (typeof idempotencyKey !== "string" || idempotencyKey === "" || idempotencyKey.length > 256) {
    throw new TypeError(
      `Cannot publish: idempotencyKey is ${JSON.stringify(idempotencyKey)}, expected a string of 1 to 256 characters`,
    );
  }
  return { idempotencyKey };
}
