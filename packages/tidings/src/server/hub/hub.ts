/**
 * A hub: topics, their log, and the streams that read it, in one process. Publishing appends to the log, a stream is a
 * cursor in it, and the fan-out connects them. The hub keeps only the cursor of a subscriber, no queue.
 */
import type { HubProcess } from "../cluster/cluster.ts";
import type { Presence } from "../cluster/presence/process-table.ts";
import type { DrainOptions } from "../streams/drain.ts";
import type { HubStatistics } from "../observe/hub-stats.ts";
import type { Inspection } from "../observe/inspection.ts";
import type { Publication } from "../publish/publication.ts";
import type { ReadTopicsOptions, TopicMessage } from "../read/read-topics.ts";
import type { FetchRequest, FastifyReply, NodeRequest, NodeResponse } from "../request/http-types.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";
import type { Subscription } from "../streams/subscription.ts";
import type { EventMap } from "../../wire/contract.ts";
import type { Published, PublishInTransaction, PublishOptions } from "../publish/publisher.ts";

export interface InspectOptions {
  /** Only the streams of this subscriber. Default: all streams. */
  readonly subscriber?: string | undefined;
  /** Whether to ask all processes of the log. Default: false. Each responds with at most 64 KiB, and the newest 100 streams are returned. */
  readonly everywhere?: boolean | undefined;
  /** Milliseconds to wait for other processes. Those that did not respond are in `silent`. Default: 1,000. */
  readonly timeoutMs?: number | undefined;
}

export interface Hub<Events extends object = EventMap> {
  // Compilers report a mistake against the last overload: the usual one.
  /** Several messages, all of them or none, if and only if a transaction of the application commits. */
  publish(
    messages: readonly (Publication<Events> & { readonly topic: string })[],
    options: PublishInTransaction,
  ): Promise<void>;
  /**
   * Publishes if and only if a transaction of the application commits. Resolves when the message is part of the transaction. It has no
   * cursor then: it gets one, after everything that was published before, when the transaction has committed.
   * @throws {TypeError} If the log of this hub does not support transactions, or `transaction` is not one.
   */
  publish(topic: string, message: Publication<Events>, options: PublishInTransaction): Promise<void>;
  /** Appends several messages, to any topics, all of them or none, next to each other in the order of the log. */
  publish(
    messages: readonly (Publication<Events> & { readonly topic: string })[],
    options?: PublishOptions,
  ): Promise<Published>;
  /**
   * Appends one message to a topic. Resolves when the log has accepted it. From then on it reaches every subscriber that
   * stays, or returns within the retention. Does not wait for any subscriber.
   * @throws {TypeError} If topic or message cannot be encoded, or the message does not match `events`.
   * @throws {RangeError} If a size limit is exceeded.
   * @throws {HubError} `too-fast`, `closed`.
   * @throws {LogError} If the log rejected it.
   */
  publish(topic: string, message: Publication<Events>, options?: PublishOptions): Promise<Published>;
  /**
   * Responds to a Node request with an event stream of the topics, from its `Last-Event-ID` on. The cursor is read from this
   * header, or from the query parameter `lastEventId`, which a browser's first request can have.
   * @returns The subscription, or undefined if the request was refused or its peer has left.
   * @throws {TypeError} If an option makes no sense, or the response has begun. @throws {RangeError} If a number of them is out of
   * range. The peer gets 500, and `onError` the error too: it ends no process where nobody waits for the promise.
   */
  subscribe(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    options: SubscribeOptions<Events>,
  ): Promise<Subscription | undefined>;
  /** {@link subscribe} for servers with the Fetch API. Returns a `Response` for a refused request too. */
  respond(
    request: FetchRequest & { readonly url?: string },
    options: SubscribeOptions<Events>,
  ): Promise<Response>;
  /**
   * Reads topics in this process, message by message, as subscribers get them. Ends when the hub has drained. Where the log cannot
   * be read, the loop throws what the log says, a `LogError`: another one goes on `after` the last `id`.
   * @throws {TypeError} If an option makes no sense. @throws {RangeError} If there are too many topics.
   */
  read(options: ReadTopicsOptions): AsyncIterableIterator<TopicMessage>;
  /**
   * Ends the streams of a subscriber, in every process of the log. They first get what was published before. The subscriber can
   * reconnect, unless `authorize` refuses it. Resolves when the log has accepted the revocation and the streams of this process have
   * ended. Other processes end theirs when they reach its place in the log, or when they have reconnected to the log.
   * @returns The number of streams that ended in this process.
   * @throws {TypeError} If `subscriber` is not text.
   * @throws {HubError} `closed`.
   * @throws {LogError} If the log rejected it. Then only the streams of this process have ended.
   */
  revoke(subscriber: string): Promise<number>;
  /**
   * Shuts down gracefully: refuses new streams with 503, ends the open ones at an even pace, each with its own reconnection time, then
   * closes the log. You can publish until then. Resolves when no stream is left and the log is closed, for which it has fifteen seconds,
   * or `graceMs` where that is longer.
   * @throws {LogError} `failed`: the log has not closed in time. @throws What the log throws. No stream is left then either.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Returns who is present in a topic, over all processes of the log: the subscribers whose streams select it by name. Joins and leaves
   * appear after `presence.coalesceMs`. The members of a process that died leave within its lease.
   * @throws {TypeError} If presence is off.
   */
  presence(topic: string): Presence;
  /**
   * Returns the processes of the log, with their statistics, which are at most a quarter of a lease old. A process that died stays in the
   * list until its lease has expired.
   * @throws {TypeError} If the hub has neither `cluster` nor `presence`.
   */
  processes(): HubProcess[];
  /**
   * Explains why a subscriber got the message with this id, or did not. Looks at the open streams and the last 1,000 that ended,
   * in this process or in all processes of the log.
   * @throws {TypeError} If `everywhere` is true, and the hub has neither `cluster` nor `presence`.
   * @throws {HubError} `too-fast`: 16 calls are pending.
   * @throws {LogError} If the log rejected the request.
   */
  inspect(id: string, options?: InspectOptions): Promise<Inspection>;
  /** Returns counters since the hub was created, and its current state. */
  stats(): HubStatistics;
}
