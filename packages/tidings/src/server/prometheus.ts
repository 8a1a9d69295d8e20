/**
 * The statistics of a hub as Prometheus reads them, without a client library.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * This module is browser compatible.
 */
import type { HubStatistics } from "./hub-stats.ts";

export interface PrometheusOptions {
  /** Labels of every sample, to tell several hubs apart: `{ hub: "prices" }`. */
  labels?: Readonly<Record<string, string>>;
}

/**
 * The text to answer a scrape with, as `text/plain; version=0.0.4`.
 * @throws {TypeError} If the name of a label cannot be one.
 */
export function toPrometheus(stats: HubStatistics, options: PrometheusOptions = {}): string {
  const { labels = {} } = options;
  for (const name of Object.keys(labels)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || name.startsWith("__")) {
      throw new TypeError(
        `Cannot write metrics: label is ${JSON.stringify(name)}, expected letters, digits and _, no digit or __ first`,
      );
    }
  }
  let text = "";
  const family = (name: string, type: "gauge" | "counter", help: string, samples: Samples): void => {
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [own, value] of samples) text += `${name}${toLabels({ ...labels, ...own })} ${value}\n`;
  };
  const one = (value: number): Samples => [[{}, value]];
  const each = (label: string, counts: Readonly<Partial<Record<string, number>>>): Samples =>
    Object.entries(counts).map(([key, count = 0]) => [{ [label]: key }, count]);

  family("tidings_streams", "gauge", "Streams open now.", one(stats.streams));
  family(
    "tidings_streams_blocked",
    "gauge",
    "Open streams whose peer has not taken what was written.",
    one(stats.blockedStreams),
  );
  family("tidings_feeds", "gauge", "Different selections and filters of open streams.", one(stats.feeds));
  family("tidings_routes", "gauge", "Topics and patterns that open streams select.", one(stats.routes));
  family(
    "tidings_recent_messages",
    "gauge",
    "Messages kept encoded for streams that keep up.",
    one(stats.recentMessages),
  );
  family("tidings_recent_bytes", "gauge", "Bytes of those messages.", one(stats.recentBytes));
  family(
    "tidings_messages_published_total",
    "counter",
    "Messages that this hub published.",
    one(stats.published),
  );
  family(
    "tidings_messages_delivered_total",
    "counter",
    "Messages written to streams.",
    one(stats.deliveries),
  );
  family(
    "tidings_writes_total",
    "counter",
    "Writes to streams, of one message or several joined.",
    one(stats.writes),
  );
  family(
    "tidings_written_bytes_total",
    "counter",
    "Bytes of those writes, before framing.",
    one(stats.bytes),
  );
  family("tidings_heartbeats_total", "counter", "Heartbeats written to streams.", one(stats.heartbeats));
  family("tidings_streams_opened_total", "counter", "Streams opened.", one(stats.opened));
  family(
    "tidings_streams_refused_total",
    "counter",
    "Requests that got no stream, by code.",
    each("code", stats.refused),
  );
  family(
    "tidings_streams_ended_total",
    "counter",
    "Streams that are over, by reason.",
    each("reason", stats.ended),
  );
  family("tidings_gaps_total", "counter", "Gaps told to subscribers, by reason.", each("reason", stats.gaps));
  return text;
}

type Samples = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

function toLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
