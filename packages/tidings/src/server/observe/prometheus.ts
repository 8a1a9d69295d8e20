/**
 * The statistics of a hub as Prometheus reads them, without a client library.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * This module is browser compatible.
 */
import type { HubStatistics } from "./hub-stats.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";
import { type Metric, METRICS, samplesOf } from "./metrics.ts";

export interface PrometheusOptions {
  /** Labels of every sample: `{ hub: "prices" }`. */
  labels?: Readonly<Record<string, string>> | undefined;
}

/** One of several hubs. */
export interface LabelledStatistics extends PrometheusOptions {
  readonly stats: HubStatistics;
}

/**
 * The text to answer a scrape with, as `text/plain; version=0.0.4`.
 * @param stats - Of one hub, or of several, each with labels that tell it apart: in the format, all samples of a metric come together.
 * @throws {TypeError} If the name of a label cannot be one, or `stats` is not what `hub.stats()` returns.
 */
export function toPrometheus(
  stats: HubStatistics | readonly LabelledStatistics[],
  options: PrometheusOptions = {},
): string {
  checkOptionNames("write metrics", options, NAMES);
  const hubs = (isList(stats) ? stats : [{ stats }]).map(({ stats, labels }: LabelledStatistics) => ({
    stats,
    labels: { ...options.labels, ...labels },
  }));
  for (const { stats, labels } of hubs) {
    checkStats(stats);
    checkLabels(labels);
  }
  let text = "";
  for (const metric of METRICS) {
    const name = nameOf(metric);
    text += `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.kind}\n`;
    for (const { stats, labels } of hubs) {
      for (const [value, count] of samplesOf(metric, stats)) {
        const own = value === undefined ? labels : { ...labels, [metric.label!]: value };
        text += `${name}${toLabels(own)} ${count}\n`;
      }
    }
  }
  return text;
}

function isList(
  stats: HubStatistics | readonly LabelledStatistics[],
): stats is readonly LabelledStatistics[] {
  return Array.isArray(stats);
}

const NAMES = { known: ["labels"] };

function checkStats(stats: unknown): void {
  if (typeof (stats as HubStatistics | undefined)?.streams === "number") return;
  throw new TypeError(`Cannot write metrics: stats is ${show(stats)}, expected what hub.stats() returns`);
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(labels)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || name.startsWith("__")) {
      throw new TypeError(
        `Cannot write metrics: label is ${JSON.stringify(name)}, expected letters, digits and _, no digit or __ first`,
      );
    }
  }
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
