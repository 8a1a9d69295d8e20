/**
 * The statistics of a hub as Prometheus reads them, without a client library.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * This module is browser compatible.
 */
import type { HubStatistics } from "./hub-stats.ts";
import { type Metric, METRICS, samplesOf } from "./metrics.ts";

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
  for (const metric of METRICS) {
    const name = nameOf(metric);
    text += `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.kind}\n`;
    for (const [value, count] of samplesOf(metric, stats)) {
      const own = value === undefined ? labels : { ...labels, [metric.label!]: value };
      text += `${name}${toLabels(own)} ${count}\n`;
    }
  }
  return text;
}

/** https://prometheus.io/docs/practices/naming/ */
function nameOf({ name, kind, unit }: Metric): string {
  const base = name.replaceAll(".", "_") + (unit === "By" ? "_bytes" : "");
  return kind === "counter" ? `${base}_total` : base;
}

function toLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
