/**
 * The names, kinds and explanations of the metrics of a hub: one list for Prometheus and OpenTelemetry.
 * This module is browser compatible.
 */
import type { RefusalCode } from "../request/refusal.ts";
import type { StreamEnd } from "../streams/subscription.ts";
import type { HubStatistics } from "./hub-stats.ts";

export interface Metric {
  /** As OpenTelemetry names it; Prometheus' own convention derives from it, see prometheus.ts. */
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly unit: "By" | "1";
  readonly help: string;
  /** What tells the samples of one metric apart; absent where there is one. */
  readonly label?: string;
  readonly read: (stats: HubStatistics) => number | Readonly<Partial<Record<string, number>>>;
}

type Row = readonly [name: string, read: Metric["read"], help: string, options?: Partial<Metric>];

const BYTES = { unit: "By" } as const;

const GAUGES: readonly Row[] = [
  ["tidings.streams", (stats) => stats.streams, "Streams open now."],
  [
    "tidings.streams.blocked",
    (stats) => stats.blockedStreams,
    "Open streams whose peer has not taken what was written.",
  ],
  [
    "tidings.blocked",
    (stats) => stats.blockedBytes,
    "Bytes that wait for them; those that wait for several count once.",
    BYTES,
  ],
  [
    "tidings.subscriber_groups",
    (stats) => stats.subscriberGroups,
    "Different selections and filters of open streams.",
  ],
  ["tidings.routes", (stats) => stats.routes, "Topics that open streams select, and sets of patterns."],
  [
    "tidings.log.interrupted",
    (stats) => (stats.logInterruptedMs > 0 ? 1 : 0),
    "Whether the log cannot be reached or is not open yet: 1 or 0.",
  ],
  [
    "tidings.recent.messages",
    (stats) => stats.recentMessages,
    "Messages kept encoded for streams that keep up.",
  ],
  ["tidings.recent", (stats) => stats.recentBytes, "Bytes of those messages.", BYTES],
];

/** Each from the start: an increase from nothing to 1 is none to Prometheus. */
const NONE_REFUSED: Record<Exclude<RefusalCode, "bad-id" | "too-many-answers" | "gone">, 0> = {
  "bad-topics": 0,
  "bad-method": 0,
  unauthorized: 0,
  forbidden: 0,
  gap: 0,
  "too-many-streams": 0,
  draining: 0,
  failed: 0,
};
const NONE_ENDED: Record<StreamEnd, 0> = {
  closed: 0,
  "peer-left": 0,
  stalled: 0,
  slow: 0,
  gap: 0,
  lifetime: 0,
  expired: 0,
  revoked: 0,
  drained: 0,
  failed: 0,
};

const COUNTERS: readonly Row[] = [
  ["tidings.messages.published", (stats) => stats.published, "Messages that this hub published."],
  ["tidings.messages.delivered", (stats) => stats.deliveries, "Messages written to streams."],
  ["tidings.writes", (stats) => stats.writes, "Writes to streams, of one message or several joined."],
  [
    "tidings.written",
    (stats) => stats.bytes,
    "Bytes of those writes, before compression and framing.",
    BYTES,
  ],
  ["tidings.heartbeats", (stats) => stats.heartbeats, "Heartbeats written to streams."],
  [
    "tidings.compression.before",
    (stats) => stats.compressedFromBytes,
    "Bytes of what was written compressed, before that.",
    BYTES,
  ],
  ["tidings.compression.after", (stats) => stats.compressedToBytes, "Bytes that were left of them.", BYTES],
  ["tidings.streams.opened", (stats) => stats.opened, "Streams opened."],
  [
    "tidings.streams.refused",
    (stats) => ({ ...NONE_REFUSED, ...stats.refused }),
    "Requests that got no stream, by code.",
    { label: "code" },
  ],
  [
    "tidings.streams.ended",
    (stats) => ({ ...NONE_ENDED, ...stats.ended }),
    "Streams that are over, by reason.",
    { label: "reason" },
  ],
  ["tidings.gaps", (stats) => stats.gaps, "Gaps told to subscribers, by reason.", { label: "reason" }],
];

export const METRICS: readonly Metric[] = [...toMetrics("gauge", GAUGES), ...toMetrics("counter", COUNTERS)];

function toMetrics(kind: Metric["kind"], rows: readonly Row[]): Metric[] {
  return rows.map(([name, read, help, options]) => ({ name, read, help, kind, unit: "1", ...options }));
}

/** Its samples now. @returns The label's value, absent where there is one sample, and the number. */
export function samplesOf(
  { read }: Metric,
  stats: HubStatistics,
): readonly (readonly [label: string | undefined, value: number])[] {
  const value = read(stats);
  if (typeof value === "number") return [[undefined, value]];
  return Object.entries(value).map(([key, count = 0]) => [key, count]);
}
