/**
 * The hub at work: opens streams for those who may have one, and holds together what each request, each message and each
 * farewell passes through.
 */
import { leavable } from "../../guard/leavable.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { positive } from "../../guard/positive.ts";
import { show } from "../../guard/show.ts";
import { readForeign, unreadable } from "../../guard/unreadable.ts";
import { within } from "../../guard/within.ts";
import { formatCursor } from "../../log/cursor.ts";
import { checkedLog, closeLog } from "../../log/foreign-log.ts";
import type { Log } from "../../log/log.ts";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { createFetchOutlet } from "../adapters/fetch.ts";
import { assertUnbegun, createNodeOutlet } from "../adapters/node.ts";
import { Cluster, type HubProcess } from "../cluster/cluster.ts";
import { punctualReader } from "../cluster/presence/event-keys.ts";
import { checkKeyAge } from "../cluster/presence/presence-events.ts";
import type { Presence } from "../cluster/presence/process-table.ts";
import { ControlRecords } from "../cluster/control-records.ts";
import { Revocations } from "../cluster/revocations.ts";
import { TurnGate } from "../time/turn-gate.ts";
import { StreamQuota, publicAddress } from "../subscribe/stream-quota.ts";
import { checkDrainOptions, type CheckedDrain, endAtPace, type DrainOptions } from "../streams/drain.ts";
import type { HubEnvironment } from "./environment.ts";
import type { Hub, InspectOptions } from "./hub.ts";
import { checkOptions, type CheckedOptions, type HubOptions } from "./hub-options.ts";
import { HubParts } from "./hub-parts.ts";
import { HubCounters, type HubStatistics } from "../observe/hub-stats.ts";
import { HubStream } from "../streams/hub-stream.ts";
import { EndedStreams, inspect, recordOf, type Inspection } from "../observe/inspection.ts";
import { HubError } from "../publish/hub-error.ts";
import type { Publication } from "../publish/publication.ts";
import {
  type PublishInTransaction,
  type Published,
  type PublishOptions,
  Publisher,
} from "../publish/publisher.ts";
import { type Received, SubscribePipeline } from "../subscribe/subscribe-pipeline.ts";
import {
  checkReadOptions,
  readTopics,
  type ReadTopicsOptions,
  type TopicMessage,
} from "../read/read-topics.ts";
import { type Refusal, refuseFetch, refuseNode } from "../request/refusal.ts";
import { refusePipelined } from "../adapters/pipelined.ts";
import { fetchPeer, nodePeer } from "../request/peer.ts";
import type { OpenOutlet } from "../out/outlet.ts";
import type { FetchRequest, FastifyReply, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { CONTROL_TOPIC, PROCESSES_TOPIC } from "../topics/reserved-topics.ts";
import {
  checkPresenceKept,
  checkTopic,
  selectTopics,
  type TopicSelection,
} from "../topics/topic-selection.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";
import type { Subscription } from "../streams/subscription.ts";

const MISTAKEN: Refusal = { code: "failed", status: 500, detail: "The stream cannot be served" };

/** What comes within this is caught up with: streams wait for it, and new ones are not refused. */
const PATIENCE_MS = 5_000;
/** Streams that are opened in one turn of the event loop: about a millisecond. When a proxy restarts, thousands return at once. */
const MOST_OPENED_IN_TURN = 12;

export class OpenHub implements Hub {
  readonly #log: Log;
  readonly #environment: HubEnvironment;
  readonly #options: CheckedOptions;
  readonly #quota: StreamQuota;
  readonly #counters = new HubCounters();
  readonly #ended = new EndedStreams();
  readonly #openings: TurnGate;
  readonly #publisher: Publisher;
  readonly #opening: Promise<HubParts>;
  readonly #pipeline: SubscribePipeline;
  readonly #revocations: Revocations;
  readonly #control: ControlRecords;
  readonly #cluster: Cluster | undefined;
  #parts: HubParts | undefined;
  /** Since when nothing has come from the log. */
  #interruptedAtMs: number;
  #draining: Promise<void> | undefined;
  /** Has everything rejected that waits for a log which may never open. */
  #abandon!: (error: HubError) => void;
  #abandoned = false;

  constructor(options: HubOptions, environment: HubEnvironment) {
    this.#options = checkOptions(options);
    this.#environment = environment;
    this.#log = checkedLog("create hub", options.log ?? memoryLog());
    if (this.#options.cluster?.presence !== undefined) checkKeyAge(this.#log, this.#options.retention);
    this.#quota = new StreamQuota(this.#options.quota);
    this.#openings = new TurnGate(MOST_OPENED_IN_TURN, environment.schedule);
    const { cluster, onError } = this.#options;
    // It has not come yet.
    this.#interruptedAtMs = environment.now();
    if (cluster !== undefined) {
      this.#cluster = new Cluster({
        log: this.#log,
        settings: cluster,
        stats: () => this.stats(),
        now: environment.now,
        handedOn: async (offset, withinMs) => (await this.#opening).control.handedOn(offset, withinMs),
        inspectHere: (id, subscriber) => this.#inspectHere(id, subscriber),
        onError,
      });
    }
    this.#control = new ControlRecords(onError, {
      revoke: (record) => this.#revocations.take(record),
      ...this.#cluster?.takers,
    });
    const abandoned = new Promise<never>((_, reject) => (this.#abandon = reject));
    this.#opening = Promise.race([this.#open(), abandoned]);
    const position = this.#opening.then(({ recent }) => recent);
    this.#publisher = new Publisher(this.#log, position, this.#options, this.#counters, environment.now);
    this.#pipeline = new SubscribePipeline({
      settings: this.#options,
      quota: this.#quota,
      counters: this.#counters,
      log: this.#log,
      now: environment.now,
      parts: this.#opening,
      isInterrupted: () => this.#logInterruptedMs() > PATIENCE_MS,
    });
    this.#revocations = new Revocations({
      log: this.#log,
      parts: this.#opening,
      refuseWaiting: (subscriber) => this.#pipeline.revoke(subscriber),
      streamsOf: (subscriber) => this.#quota.streamsOf(subscriber),
      now: environment.now,
      onError: this.#options.onError,
    });
    this.#opening.catch((error: unknown) => this.#options.onError(error));
  }

  async publish(
    first: string | readonly (Publication & { readonly topic: string })[],
    second?: Publication | PublishOptions | PublishInTransaction,
    third?: PublishOptions | PublishInTransaction,
    // Each overload has a result of its own.
  ): Promise<never> {
    if (typeof first !== "object") {
      const message = second as Publication;
      return this.#publish([{ topic: first, message }], third);
    }
    if (!readForeign("publish", "messages", () => Array.isArray(first))) {
      throw new TypeError(
        `Cannot publish: topic is ${show(first)}, expected publish("topic", { data }), or a list such as [{ topic, data }]`,
      );
    }
    // Not `map`, which leaves holes as they are: a log that is given one stands still.
    const messages = readForeign("publish", "messages", () =>
      Array.from(first as readonly (Publication & { readonly topic: string })[], (message) => ({
        topic: message?.topic,
        message,
      })),
    );
    return this.#publish(messages, second as PublishOptions | undefined);
  }

  #publish(
    messages: readonly { readonly topic: string; readonly message: Publication }[],
    options: PublishOptions | PublishInTransaction | undefined,
  ): Promise<never> {
    let transaction;
    try {
      transaction = options?.transaction;
    } catch (cause) {
      throw unreadable("publish", "options", cause);
    }
    const done: Promise<Published | void> =
      transaction === undefined
        ? this.#publisher.publish(messages, options as PublishOptions | undefined)
        : this.#publisher.enlist(messages, options as PublishInTransaction);
    return done as Promise<never>;
  }

  subscribe(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions,
  ): Promise<Subscription | undefined> {
    const opening = this.#openInTurn(request, response, options);
    // Few handlers wait for it, and an option may have come with a request, which must not end the process.
    opening.catch(this.#options.onError);
    return opening;
  }

  async #openInTurn(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions,
  ): Promise<Subscription | undefined> {
    const wait = this.#openings.pass();
    if (wait !== undefined) await wait;
    return this.#subscribe(request, response, options);
  }

  /** Apart from the promise, which would hold all of this until it is settled. */
  #subscribe(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions,
  ): Subscription | undefined | Promise<Subscription | undefined> {
    const { onError } = this.#options;
    assertUnbegun(response);
    let received: ReturnType<SubscribePipeline["receive"]>;
    try {
      received = this.#pipeline.receive(
        request,
        options?.address ?? this.#addressOf(request),
        options,
        (head, first) => createNodeOutlet(request, response, head, first),
        nodePeer(response),
        request.method === "HEAD" ? undefined : refusePipelined(request, response),
      );
    } catch (mistake) {
      // The peer cannot help it, and must not wait for an answer that never comes.
      refuseNode(response, MISTAKEN, onError);
      throw mistake;
    }
    if (received instanceof HubStream) return received;
    const answer = (opened: Received): Subscription | undefined => {
      if (opened === undefined || opened instanceof HubStream) return opened;
      refuseNode(response, opened, onError);
      return undefined;
    };
    return received instanceof Promise ? received.then(answer) : answer(received);
  }

  async respond(
    request: FetchRequest & { readonly url?: string | undefined },
    options: SubscribeOptions,
  ): Promise<Response> {
    const wait = this.#openings.pass();
    if (wait !== undefined) await wait;
    let answer: Response | undefined;
    const openOutlet: OpenOutlet = (head, first) => {
      const { outlet, response } = createFetchOutlet(request, head, first);
      answer = response;
      return outlet;
    };
    const peer = fetchPeer(request);
    const waits = request.method === "HEAD" ? undefined : refusePipelined(request, undefined);
    const { address } = options ?? {};
    const opened = await this.#pipeline.receive(request, address, options, openOutlet, peer, waits);
    if (opened !== undefined && !(opened instanceof HubStream)) return refuseFetch(opened);
    // The peer left before there was an answer: nobody reads this one.
    return answer ?? new Response(null, { status: 503 });
  }

  read(options: ReadTopicsOptions): AsyncIterableIterator<TopicMessage> {
    checkReadOptions(options);
    const { topicsPerStream, cluster } = this.#options;
    const selection = checkPresenceKept(
      selectTopics(options.topics, topicsPerStream),
      cluster?.presence !== undefined,
    );
    return leavable(options.signal, (signal) => this.#read(selection, options, signal));
  }

  revoke(subscriber: string): Promise<number> {
    return this.#revocations.revoke(subscriber);
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const checked = checkDrainOptions(options);
    this.#pipeline.close();
    this.#draining ??= this.#drain(checked);
    return this.#draining;
  }

  async inspect(id: string, options: InspectOptions = {}): Promise<Inspection> {
    if (typeof id !== "string") {
      throw new TypeError(`Cannot inspect: id is ${show(id)}, expected the id of a message`);
    }
    if (typeof options !== "object" || options === null) {
      throw new TypeError(
        `Cannot inspect: options is ${show(options)}, expected an object such as { subscriber }`,
      );
    }
    checkOptionNames("inspect", options, { known: ["subscriber", "everywhere", "timeoutMs"] });
    const { subscriber, everywhere = false, timeoutMs = 1_000 } = options;
    if (!everywhere) return this.#inspectHere(id, subscriber);
    const cluster = this.#clusterFor("inspect everywhere");
    await this.#opening;
    return cluster.inspect(id, subscriber, positive("inspect", "timeoutMs", timeoutMs));
  }

  presence(topic: string): Presence {
    if (this.#options.cluster?.presence === undefined) {
      throw new TypeError("Cannot read presence: it is off, expected createHub({ presence: true })");
    }
    return this.#clusterFor("read presence").presence(checkTopic("read presence", topic));
  }

  processes(): HubProcess[] {
    return this.#clusterFor("list processes").processes();
  }

  stats(): HubStatistics {
    const { recent, groups, streams, waiting } = this.#parts ?? {};
    let blockedStreams = 0;
    for (const stream of streams ?? []) if (stream.blocked) blockedStreams += 1;
    return this.#counters.with({
      cursor: recent === undefined ? "" : formatCursor(recent.epoch, recent.head),
      streams: streams?.size ?? 0,
      blockedStreams,
      blockedBytes: waiting?.bytes ?? 0,
      subscriberGroups: groups?.size ?? 0,
      routes: recent?.routes ?? 0,
      logInterruptedMs: this.#logInterruptedMs(),
      recentMessages: recent?.messages ?? 0,
      recentBytes: recent?.bytes ?? 0,
    });
  }

  /** At least 1 while it is. */
  #logInterruptedMs(): number {
    const sinceMs = this.#interruptedAtMs;
    return sinceMs === Infinity ? 0 : Math.max(1, this.#environment.now() - sinceMs);
  }

  async #open(): Promise<HubParts> {
    let isTold = false;
    const parts = await HubParts.open({
      log: this.#log,
      settings: this.#options,
      environment: this.#environment,
      openings: this.#openings,
      counters: this.#counters,
      onLeft: (stream) => {
        this.#ended.add(recordOf(stream, Date.now()));
        this.#quota.leave(stream);
        this.#cluster?.left(stream);
      },
      onState: (state) => {
        isTold = true;
        this.#interruptedAtMs = state === "interrupted" ? this.#environment.now() : Infinity;
        this.#cluster?.members.interrupted(state === "interrupted");
      },
      onControl: (entry) => this.#control.take(entry),
      onControlLost: (isReplaced) => {
        this.#revocations.lost();
        this.#cluster?.members.lost(isReplaced);
      },
      controlTopics: this.#cluster === undefined ? [CONTROL_TOPIC] : [CONTROL_TOPIC, PROCESSES_TOPIC],
      onEntered: (stream) => this.#cluster?.entered(stream),
      onMoved: (stream, before) => this.#cluster?.moved(stream, before),
    });
    if (!isTold) this.#interruptedAtMs = Infinity;
    if (this.#abandoned) return parts;
    this.#parts = parts;
    this.#cluster?.members.start();
    return parts;
  }

  async #inspectHere(id: string, subscriber: string | undefined): Promise<Inspection> {
    const { recent, streams } = this.#parts ?? (await this.#opening);
    const records = [...this.#ended];
    for (const stream of streams) records.push(recordOf(stream, undefined));
    const chosen =
      subscriber === undefined ? records : records.filter((record) => record.subscriber === subscriber);
    return inspect(id, chosen, this.#log, recent);
  }

  #clusterFor(action: string): Cluster {
    if (this.#cluster !== undefined) return this.#cluster;
    throw new TypeError(`Cannot ${action}: cluster is off, expected createHub({ cluster: true })`);
  }

  async *#read(
    selection: TopicSelection,
    options: ReadTopicsOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TopicMessage, undefined, undefined> {
    const parts = this.#parts ?? (await this.#opening);
    const keepsPresence = this.#options.cluster?.presence !== undefined;
    const log = keepsPresence ? punctualReader(this.#log) : this.#log;
    return yield* readTopics(parts, log, selection, options, signal);
  }

  /** Asked of the socket only where it counts: the answer is kept by the socket for as long as it lives. */
  #addressOf(request: NodeRequest): string | undefined {
    if (!this.#quota.countsAddresses) return undefined;
    const { remoteAddress } = (request.socket ?? {}) as { remoteAddress?: string };
    return publicAddress(remoteAddress);
  }

  async #drain(options: CheckedDrain): Promise<void> {
    const { graceMs } = options;
    let parts: HubParts | undefined;
    try {
      parts = await within(Math.max(graceMs, PATIENCE_MS), this.#opening);
    } catch {
      // It was reported, and there are no streams.
    }
    if (parts === undefined) return this.#closeUnopened(graceMs);
    const { streams, fanOut } = parts;
    // The blocked go last: they may yet take what they have.
    const members = [...streams].sort((one, other) => Number(one.blocked) - Number(other.blocked));
    await endAtPace(members, options, (stream, retryMs) => {
      fanOut.flush(stream);
      streams.end(stream, "drained", retryMs);
    });
    await streams.empty(graceMs);
    streams.destroyAll();
    await streams.empty(graceMs);
    this.#publisher.close();
    await this.#cluster?.members.close();
    parts.finish();
    await closeLog(this.#log, graceMs);
  }

  async #closeUnopened(graceMs: number): Promise<void> {
    this.#abandoned = true;
    this.#abandon(new HubError("closed", "Cannot open log: it had not opened when the hub drained"));
    this.#publisher.close();
    await closeLog(this.#log, graceMs);
  }
}
