/**
 * A hub: topics, their log, and the streams that read it, in one process. Publishing appends to the log; a stream is a
 * cursor in it; what is between them is the fan-out. Nothing is kept per subscriber but its place.
 */
import type { HubProcess } from "../cluster/cluster.ts";
import type { Presence } from "../cluster/process-table.ts";
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
  /** The streams of this subscriber alone. */
  readonly subscriber?: string;
  /** Whether all processes of the log are asked. Default: false. Each answers with at most 64 KiB; the newest 100 streams are returned. */
  readonly everywhere?: boolean;
  /** Milliseconds that the others may take. Those that did not answer are in `silent`. Default: 1,000. */
  readonly timeoutMs?: number;
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
   * @throws {TypeError} If the log of this hub takes no transaction, or `transaction` is not one.
   */
  publish(topic: string, message: Publication<Events>, options: PublishInTransaction): Promise<void>;
  /** Appends several messages, to any topics, all of them or none, next to each other in the order of the log. */
  publish(
    messages: readonly (Publication<Events> & { readonly topic: string })[],
    options?: PublishOptions,
  ): Promise<Published>;
  /**
   * Appends one message to a topic. Resolves when the log has accepted it: from then on it reaches every subscriber that
   * stays, or returns within the retention. Resolves before any of them has it.
   * @throws {TypeError} If topic or message cannot be expressed, or the message is not what `events` says.
   * @throws {RangeError} If a limit of sizes is passed.
   * @throws {HubError} `too-fast`, `closed`.
   * @throws {LogError} If the log could not take it.
   */
  publish(topic: string, message: Publication<Events>, options?: PublishOptions): Promise<Published>;
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
  /**
   * Reads topics in this process, message by message, as subscribers get them. Ends when the hub has drained.
   * @throws {TypeError} If an option makes no sense. @throws {RangeError} If there are too many topics.
   */
  read(options: ReadTopicsOptions): AsyncIterableIterator<TopicMessage>;
  /**
   * Ends the streams of a subscriber, in every process of the log. They get what was published before it. They may come back; see `authorize`.
   * Resolves when the log has accepted it and it is done here, with how many streams that were. Other processes do it as soon as
   * they come to its place in the log; one that was cut off from the log, when it is back.
   * @throws {TypeError} If `subscriber` is not text.
   * @throws {HubError} `closed`.
   * @throws {LogError} If the log could not take it. Then it was done in this process alone.
   */
  revoke(subscriber: string): Promise<number>;
  /**
   * Shuts down gracefully: refuses new streams with 503, ends the open ones at an even pace, each with its reconnection time, then closes
   * the log. Publishing goes on until then. Resolves when no stream is left.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Who is present in a topic, over all processes of the log: those whose streams select it by name. As the log says it: joins and leaves
   * come after `presence.coalesceMs`; those of a process that died, within its lease.
   * @throws {TypeError} If presence is off.
   */
  presence(topic: string): Presence;
  /**
   * The processes of the log, with what each counted: as of its last sign of life, which is a quarter of its lease old at most. One that
   * died is in the list until its lease is over.
   * @throws {TypeError} If the hub has neither `cluster` nor `presence`.
   */
  processes(): HubProcess[];
  /**
   * Why did a subscriber get the message with this id, or not? Looks at the streams that are open, and at the last 1,000
   * that are over; of one subscriber, when one is named. In this process, or in all of the log.
   * @throws {TypeError} If all are to be asked, and the hub has neither `cluster` nor `presence`.
   * @throws {HubError} `too-fast`: 16 such questions wait.
   * @throws {LogError} If the log could not take the question.
   */
  inspect(id: string, options?: InspectOptions): Promise<Inspection>;
  /** What was counted since the hub was made, and what it holds now. */
  stats(): HubStatistics;
}
