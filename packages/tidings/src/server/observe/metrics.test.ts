import { describe, expect, test } from "vitest";
import { HubCounters, increment } from "./hub-stats.ts";
import { METRICS, samplesOf } from "./metrics.ts";

const counters = new HubCounters();
Object.assign(counters, {
  deliveries: 7,
  writes: 8,
  bytes: 9,
  heartbeats: 10,
  compressedFromBytes: 11,
  compressedToBytes: 12,
  published: 13,
  opened: 14,
});
increment(counters.refused, "too-many-streams");
increment(counters.refused, "too-many-streams");
increment(counters.ended, "peer-left");
counters.gaps.slow = 3;
const stats = counters.with({
  cursor: "e.1",
  streams: 1,
  blockedStreams: 2,
  blockedBytes: 25,
  subscriberGroups: 3,
  routes: 4,
  logInterruptedMs: 5_250,
  recentMessages: 5,
  recentBytes: 6,
});

describe("the metrics of a hub", () => {
  test.each<[name: string, kind: string, unit: string, samples: [string | undefined, number][]]>([
    ["tidings.streams", "gauge", "1", [[undefined, 1]]],
    ["tidings.streams.blocked", "gauge", "1", [[undefined, 2]]],
    ["tidings.blocked", "gauge", "By", [[undefined, 25]]],
    ["tidings.subscriber_groups", "gauge", "1", [[undefined, 3]]],
    ["tidings.routes", "gauge", "1", [[undefined, 4]]],
    ["tidings.log.interrupted", "gauge", "1", [[undefined, 1]]],
    ["tidings.recent.messages", "gauge", "1", [[undefined, 5]]],
    ["tidings.recent", "gauge", "By", [[undefined, 6]]],
    ["tidings.messages.delivered", "counter", "1", [[undefined, 7]]],
    ["tidings.writes", "counter", "1", [[undefined, 8]]],
    ["tidings.written", "counter", "By", [[undefined, 9]]],
    ["tidings.heartbeats", "counter", "1", [[undefined, 10]]],
    ["tidings.compression.before", "counter", "By", [[undefined, 11]]],
    ["tidings.compression.after", "counter", "By", [[undefined, 12]]],
    ["tidings.messages.published", "counter", "1", [[undefined, 13]]],
    ["tidings.streams.opened", "counter", "1", [[undefined, 14]]],
    [
      "tidings.streams.refused",
      "counter",
      "1",
      [
        ["bad-topics", 0],
        ["bad-method", 0],
        ["unauthorized", 0],
        ["forbidden", 0],
        ["gap", 0],
        ["too-many-streams", 2],
        ["draining", 0],
        ["failed", 0],
      ],
    ],
    [
      "tidings.streams.ended",
      "counter",
      "1",
      [
        ["closed", 0],
        ["peer-left", 1],
        ["stalled", 0],
        ["slow", 0],
        ["gap", 0],
        ["lifetime", 0],
        ["expired", 0],
        ["revoked", 0],
        ["drained", 0],
        ["failed", 0],
      ],
    ],
    [
      "tidings.gaps",
      "counter",
      "1",
      [
        ["retention", 0],
        ["epoch", 0],
        ["slow", 3],
      ],
    ],
  ])("%s is a %s in %s", (name, kind, unit, samples) => {
    const metric = METRICS.find((one) => one.name === name)!;
    expect(metric).toMatchObject({ kind, unit });
    expect(samplesOf(metric, stats)).toEqual(samples);
    // What tells samples apart has a name exactly where there may be several.
    expect(metric.label !== undefined).toBe(samples[0]![0] !== undefined);
  });

  test("are these and no others, each with one name and an explanation", () => {
    expect(METRICS).toHaveLength(19);
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(19);
    expect(METRICS.filter(({ help }) => !/^[A-Z].+\.$/.test(help))).toEqual([]);
  });

  test("read what is counted now, and keep nothing of it", () => {
    increment(counters.ended, "closed");
    const ended = METRICS.find(({ name }) => name === "tidings.streams.ended")!;
    const happened = (samples: ReturnType<typeof samplesOf>): unknown =>
      samples.filter(([, count]) => count > 0);
    expect(happened(samplesOf(ended, stats))).toEqual([["peer-left", 1]]);
    expect(happened(samplesOf(ended, counters.with(stats)))).toEqual([
      ["closed", 1],
      ["peer-left", 1],
    ]);
  });
});
