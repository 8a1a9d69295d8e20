/**
 * What an application can say about a hub.
 * This module is browser compatible.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { positive } from "../../guard/positive.ts";
import { reporter } from "../../guard/foreign.ts";
import type { Log, Retention, TopicRetention } from "../../log/log.ts";
import {
  checkCluster,
  type CheckedCluster,
  type ClusterOptions,
  type PresenceOptions,
} from "../cluster/cluster-options.ts";
import type { QuotaLimits } from "../subscribe/stream-quota.ts";
import { type CheckData, type ContractOptions, dataCheck } from "../message/check-data.ts";
import {
  checkCompression,
  type Compression,
  type CompressionOptions,
} from "../compression/compression-options.ts";
import type { SlowPolicy } from "../entries/conflation.ts";
import { PROCESSES_TOPIC } from "../topics/reserved-topics.ts";
import { selectTopics, type TopicSelector } from "../topics/topic-selection.ts";
import type { EventMap } from "../../wire/contract.ts";

export interface HubOptions<Events extends object = EventMap> extends ContractOptions<Events> {
  /** What the log retains. */
  retention?: RetentionOptions | undefined;
  /** Where messages are kept. A log serves one hub. Default: `memoryLog()`. */
  log?: Log | undefined;
  /**
   * Milliseconds without a write after which a stream gets a heartbeat; false for none. Default: 15,000. The heartbeat
   * carries the newest cursor if other messages were published, so that the stream's cursor stays within the retention.
   */
  heartbeatMs?: number | false | undefined;
  /** Milliseconds that a peer may read nothing while data waits for it. After that it is disconnected. Default: 120,000. */
  stallMs?: number | false | undefined;
  /**
   * Milliseconds that `authorize` and `snapshot` of a subscription may each take. Default: 30,000. After that, a new stream is
   * refused with 503, and an open one ends. `false` waits until the peer disconnects.
   */
  timeoutMs?: number | false | undefined;
  /**
   * Maximum bytes in one write to one stream. A larger message is written alone. Default: 65,536. At most 16 MiB, for batches
   * that several streams share.
   */
  writeBytes?: number | undefined;
  /**
   * What slow readers get, by topic. The first rule that matches a topic applies. Default: `"resume"`. A reader is slow if more
   * data waits for it, when it reads again, than fits in one write.
   */
  slow?: readonly { readonly topics: readonly TopicSelector[]; readonly policy: SlowPolicy }[] | undefined;
  /**
   * How many encoded messages, over all topics, are kept for the streams that keep up. Default: 16,384 messages and 8 MiB. At
   * most 50 MiB.
   */
  recent?: { messages?: number | undefined; bytes?: number | undefined } | undefined;
  /**
   * Whether streams whose peers accept gzip are compressed. Default: false. Bytes for many streams are compressed only once:
   * see docs/compression.md for what it saves and costs. Do not compress secrets together with text that others choose.
   */
  compression?: boolean | CompressionOptions | undefined;
  /**
   * Whether this process exchanges its state with the other processes of its log: for `hub.processes()`, and to inspect streams
   * in all of them. Default: false, or true with `presence`.
   */
  cluster?: boolean | ClusterOptions | undefined;
  /** Whether the hub knows who is present in each topic, over all processes of the log. Default: false. */
  presence?: boolean | PresenceOptions | undefined;
  limits?: HubLimits | undefined;
  /** Receives errors that no call can report: a log that failed, a filter that threw. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

export interface RetentionOptions {
  /** Messages in all. Default: 10,000. At most 5 MiB beside their bytes, in `memoryLog`. */
  messages?: number | undefined;
  /** Bytes of encoded messages in all. Default: 67,108,864 (64 MiB). At most 68 MiB, in `memoryLog`. */
  bytes?: number | undefined;
  /** Age in milliseconds. Default: 3,600,000 (an hour). */
  ageMs?: number | undefined;
  /** Tighter limits for some topics. The first rule that matches a topic applies. Default: none. */
  topics?:
    | readonly {
        readonly topics: readonly TopicSelector[];
        readonly messages?: number | undefined;
        readonly bytes?: number | undefined;
        readonly ageMs?: number | undefined;
      }[]
    | undefined;
}

export interface HubLimits {
  /** Streams in all. One more is refused with 503. Default: 10,000. At most 100 MiB on node:http, 50 MiB with an acceptor. */
  streams?: number | undefined;
  /**
   * Streams of one address; many users may share one. One more is refused with 429. With `Infinity`, addresses are not looked up.
   * Default: 1,000. At most 10 MiB, of that of `streams`.
   */
  streamsPerAddress?: number | undefined;
  /** Streams of one `subscriber`. One more is refused with 429. Default: 100. At most 1 MiB, of that of `streams`. */
  streamsPerSubscriber?: number | undefined;
  /**
   * Topics and patterns of one stream. More are refused with 400. Default: 100. At most 130 kB for each stream, of
   * `selectionBytes`.
   */
  topicsPerStream?: number | undefined;
  /**
   * Bytes of memory for all topics and patterns that open streams select: 600 for each and 4 for each character. Equal selections
   * count once. A stream for which there is no room is refused with 503, an update with `"refused"`. Default: 67,108,864 (64
   * MiB). At most 64 MiB.
   */
  selectionBytes?: number | undefined;
  /**
   * Bytes of one encoded message. Beyond it, `publish` rejects with a RangeError. Default: 1,048,576. At most 1 MiB for each
   * message that waits for the log.
   */
  messageBytes?: number | undefined;
  /** Messages in one `publish`. Default: 1,000. At most 1 MiB for each `publish` that waits for the log, beside its bytes. */
  messagesPerPublish?: number | undefined;
  /**
   * Bytes of all encoded messages in one `publish`. Beyond it, `publish` rejects with a RangeError. Default: 16,777,216 (16 MiB),
   * or `messageBytes` where that is more. At most 16 MiB for each `publish` that waits for the log.
   */
  bytesPerPublish?: number | undefined;
  /**
   * Bytes that all reads of the log under way may hold, for subscribers that return or catch up. Further reads wait for their
   * turn. There are as many at once as messages of `messageBytes` fit, from 1 to 64. Default: 33,554,432 (32 MiB). At most 35
   * MiB.
   */
  readBytes?: number | undefined;
  /**
   * Bytes that may wait for slow readers, all streams together; bytes that wait for several count once, over TLS and with
   * `perStream` compression for each. Beyond it, the stream
   * that has waited longest is disconnected (`"stalled"`), and its client continues from its cursor. Default: 134,217,728 (128
   * MiB). At most 138 MiB.
   */
  blockedBytes?: number | undefined;
  /** Messages a second that may be published. Beyond it, `publish` rejects with a HubError `too-fast`. Default: no limit. */
  publishesPerSecond?: number | undefined;
}

/** The options of a hub, with all defaults. */
export interface CheckedOptions {
  readonly retention: Retention;
  readonly heartbeatMs: number;
  readonly stallMs: number;
  readonly timeoutMs: number;
  readonly writeBytes: number;
  readonly slowPolicyOf: ((topic: string) => SlowPolicy) | undefined;
  readonly recent: { readonly messages: number; readonly bytes: number };
  readonly quota: QuotaLimits;
  readonly topicsPerStream: number;
  readonly selectionBytes: number;
  readonly messageBytes: number;
  readonly messagesPerPublish: number;
  readonly bytesPerPublish: number;
  readonly readBytes: number;
  readonly blockedBytes: number;
  readonly publishesPerSecond: number;
  readonly compression: Compression | undefined;
  readonly checkData: CheckData | undefined;
  readonly cluster: CheckedCluster | undefined;
  readonly onError: (error: unknown) => void;
}

const HUB_OPTIONS: Record<keyof HubOptions, true> = {
  events: true,
  checkEvents: true,
  retention: true,
  log: true,
  heartbeatMs: true,
  stallMs: true,
  timeoutMs: true,
  writeBytes: true,
  slow: true,
  recent: true,
  compression: true,
  cluster: true,
  presence: true,
  limits: true,
  onError: true,
};

const HUB_LIMITS: Record<keyof HubLimits, true> = {
  streams: true,
  streamsPerAddress: true,
  streamsPerSubscriber: true,
  topicsPerStream: true,
  selectionBytes: true,
  messageBytes: true,
  messagesPerPublish: true,
  bytesPerPublish: true,
  readBytes: true,
  blockedBytes: true,
  publishesPerSecond: true,
};

/**
 * @throws {RangeError} If a limit is not a number above 0.
 * @throws {TypeError} If there is no such option, or a pattern cannot be compiled.
 */
export function checkOptions(options: HubOptions): CheckedOptions {
  const { limits = {}, recent = {}, retention = {} } = options;
  checkOptionNames("create hub", options, {
    known: Object.keys(HUB_OPTIONS),
    former: { history: "retention" },
  });
  checkOptionNames("create hub", limits, { known: Object.keys(HUB_LIMITS) }, "limits.");
  checkOptionNames("create hub", recent, { known: ["messages", "bytes"] }, "recent.");
  checkOptionNames(
    "create hub",
    retention,
    { known: ["messages", "bytes", "ageMs", "topics"] },
    "retention.",
  );
  const cluster = checkCluster(options.cluster, options.presence);
  return {
    retention: toRetention(retention, cluster !== undefined),
    cluster,
    heartbeatMs: orNever("heartbeatMs", options.heartbeatMs, 15_000),
    stallMs: orNever("stallMs", options.stallMs, 120_000),
    timeoutMs: orNever("timeoutMs", options.timeoutMs, 30_000),
    writeBytes: limit("writeBytes", options.writeBytes, 65_536),
    slowPolicyOf: toPolicies(options.slow ?? []),
    recent: {
      messages: limit("recent.messages", recent.messages, 16_384),
      bytes: limit("recent.bytes", recent.bytes, 8 * 2 ** 20),
    },
    quota: {
      streams: limit("limits.streams", limits.streams, 10_000),
      perAddress: limit("limits.streamsPerAddress", limits.streamsPerAddress, 1_000),
      perSubscriber: limit("limits.streamsPerSubscriber", limits.streamsPerSubscriber, 100),
    },
    topicsPerStream: limit("limits.topicsPerStream", limits.topicsPerStream, 100),
    selectionBytes: limit("limits.selectionBytes", limits.selectionBytes, 64 * 2 ** 20),
    messageBytes: limit("limits.messageBytes", limits.messageBytes, 2 ** 20),
    messagesPerPublish: limit("limits.messagesPerPublish", limits.messagesPerPublish, 1_000),
    bytesPerPublish: limit(
      "limits.bytesPerPublish",
      limits.bytesPerPublish,
      Math.max(16 * 2 ** 20, limits.messageBytes ?? 0),
    ),
    readBytes: limit("limits.readBytes", limits.readBytes, 32 * 2 ** 20),
    blockedBytes: limit("limits.blockedBytes", limits.blockedBytes, 128 * 2 ** 20),
    compression: checkCompression("create hub", options.compression),
    publishesPerSecond: limit("limits.publishesPerSecond", limits.publishesPerSecond, Infinity),
    checkData: dataCheck(options),
    onError: reporter(options.onError),
  };
}

/** Messages between processes are useful only for a short time. */
const PROCESSES_RETENTION = { messages: 10_000, ageMs: 120_000 };

function toRetention(options: RetentionOptions, isCluster: boolean): Retention {
  const { messages = 10_000, bytes = 64 * 2 ** 20, ageMs = 3_600_000, topics = [] } = options;
  for (const [name, value] of Object.entries({ messages, bytes, ageMs }))
    positive("create hub", `retention.${name}`, value);
  const rules = topics.map(({ topics: selectors, ...given }) => {
    const set = Object.entries(given).filter(([, value]) => value !== undefined);
    for (const [name, value] of set) positive("create hub", `retention.topics ${name}`, value);
    const bounds: Partial<TopicRetention> = Object.fromEntries(set);
    return { matches: selectTopics(selectors, Infinity).matches, bounds };
  });
  const forTopic: Retention["forTopic"] = (topic) =>
    topic === PROCESSES_TOPIC ? PROCESSES_RETENTION : rules.find(({ matches }) => matches(topic))?.bounds;
  return rules.length === 0 && !isCluster ? { messages, bytes, ageMs } : { messages, bytes, ageMs, forTopic };
}

function toPolicies(rules: NonNullable<HubOptions["slow"]>): ((topic: string) => SlowPolicy) | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map(({ topics, policy }) => {
    if (!["resume", "latest", "close"].includes(policy)) {
      throw new TypeError(
        `Cannot create hub: slow policy is ${JSON.stringify(policy)}, expected "resume", "latest" or "close"`,
      );
    }
    return { matches: selectTopics(topics, Infinity).matches, policy };
  });
  return (topic) => compiled.find(({ matches }) => matches(topic))?.policy ?? "resume";
}

/** @param value - Null is no number, and not the default: it comes from a configuration that has none. */
function limit(name: string, value: unknown, standard: number): number {
  return positive("create hub", name, value === undefined ? standard : value);
}

function orNever(name: string, value: unknown, standard: number): number {
  if (value === false) return Infinity;
  return positive("create hub", name, value === undefined ? standard : value, "false");
}
