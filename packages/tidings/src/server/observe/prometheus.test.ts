import { afterEach, describe, expect, it } from "vitest";
import { Reader, serveHub, until, type HubServer } from "../../../../../test/support/hub-server.ts";
import { createHub } from "../hub/create-hub.ts";
import { toPrometheus } from "./prometheus.ts";

const open: (HubServer | Reader)[] = [];
afterEach(async () => {
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one instanceof Reader) one.cut();
    else await one.close();
  }
});

/** Reads the format back, strictly. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split("\n").slice(0, -1)) {
    const type = /^# TYPE (\w+) (gauge|counter)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    if (type !== null || /^# HELP \w+ .+$/.test(line)) continue;
    const [, name = "", labels = "", value] = /^([a-z_]+)(\{.*\})? (\d+)$/.exec(line) ?? [];
    if (types.get(name) !== (name.endsWith("_total") ? "counter" : "gauge") || samples.has(name + labels)) {
      throw new Error(`not of the format: ${line}`);
    }
    samples.set(name + labels, Number(value));
  }
  expect(text.endsWith("\n")).toBe(true);
  return samples;
}

describe("toPrometheus()", () => {
  it("has a sample of each reason from the start, so that its first increase is seen", () => {
    const hub = createHub();
    const samples = parse(toPrometheus(hub.stats()));
    const labelled = [...samples].filter(([name]) => name.includes("{"));
    expect(labelled.every(([, value]) => value === 0)).toBe(true);
    expect(labelled.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'tidings_streams_refused_total{code="too-many-streams"}',
        'tidings_streams_refused_total{code="failed"}',
        'tidings_streams_ended_total{reason="stalled"}',
        'tidings_gaps_total{reason="slow"}',
      ]),
    );
  });

  it("says what it expects", () => {
    const hub = createHub();
    expect(() => toPrometheus(hub as never)).toThrow(/stats is .*, expected what hub\.stats\(\) returns/);
    expect(() => toPrometheus([hub.stats()] as never)).toThrow(/expected what hub\.stats\(\) returns/);
    expect(() => toPrometheus(hub.stats(), { label: { hub: "a" } } as never)).toThrow(
      /no option label, expected labels/,
    );
  });

  it("says what happened, sample by sample", async () => {
    const server = await serveHub();
    open.push(server);
    const { hub, url } = server;
    const [one, other] = [
      await Reader.open(`${url}?topic=a`),
      await Reader.open(`${url}?topic=a`, "elsewhere.1"),
    ];
    open.push(one, other);
    await (
      await Reader.open(url)
    ).ended;
    await hub.publish("a", { data: "1" });
    await Promise.all([one.messagesUntil(1), other.messagesUntil(2)]);
    other.cut();
    await until(() => hub.stats().streams === 1);
    const samples = parse(toPrometheus(hub.stats()));
    expect(Object.fromEntries(samples)).toMatchObject({
      tidings_streams: 1,
      tidings_subscriber_groups: 1,
      tidings_routes: 1,
      tidings_messages_published_total: 1,
      tidings_messages_delivered_total: 2,
      tidings_writes_total: 2,
      tidings_streams_opened_total: 2,
      'tidings_streams_refused_total{code="bad-topics"}': 1,
      'tidings_streams_ended_total{reason="peer-left"}': 1,
      'tidings_gaps_total{reason="epoch"}': 1,
      'tidings_gaps_total{reason="slow"}': 0,
    });
  });

  it("keeps its names", async () => {
    const server = await serveHub();
    open.push(server);
    const names = [...toPrometheus(server.hub.stats()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    expect(names).toEqual([
      "tidings_streams",
      "tidings_streams_blocked",
      "tidings_blocked_bytes",
      "tidings_subscriber_groups",
      "tidings_routes",
      "tidings_log_interrupted",
      "tidings_recent_messages",
      "tidings_recent_bytes",
      "tidings_messages_published_total",
      "tidings_messages_delivered_total",
      "tidings_writes_total",
      "tidings_written_bytes_total",
      "tidings_heartbeats_total",
      "tidings_compression_before_bytes_total",
      "tidings_compression_after_bytes_total",
      "tidings_streams_opened_total",
      "tidings_streams_refused_total",
      "tidings_streams_ended_total",
      "tidings_gaps_total",
    ]);
  });

  it("keeps the samples of a metric together, of however many hubs", async () => {
    const servers = [await serveHub(), await serveHub()];
    open.push(...servers);
    const [prices, news] = servers.map(({ hub }) => hub.stats());
    const text = toPrometheus(
      [
        { stats: prices!, labels: { hub: "prices" } },
        { stats: news!, labels: { hub: "news", app: "other" } },
      ],
      { labels: { app: "shop" } },
    );
    expect(text).toContain(
      'tidings_streams{app="shop",hub="prices"} 0\ntidings_streams{app="other",hub="news"} 0\n# HELP ',
    );
    expect(text.match(/^# TYPE tidings_streams gauge$/gm)).toHaveLength(1);
    expect(parse(text).size).toBe(2 * parse(toPrometheus(prices!)).size);
    expect(() => toPrometheus([{ stats: prices!, labels: { "1x": "" } }])).toThrow(/label is "1x"/);
  });

  it("escapes what hubs are called", async () => {
    const server = await serveHub();
    open.push(server);
    const text = toPrometheus(server.hub.stats(), { labels: { hub: 'a "b"\\\n' } });
    expect(text).toContain('tidings_streams{hub="a \\"b\\"\\\\\\n"} 0\n');
    expect(text).toContain('tidings_gaps_total{hub="a \\"b\\"\\\\\\n",reason="slow"} 0\n');
    expect(() => toPrometheus(server.hub.stats(), { labels: { "1x": "" } })).toThrow(/label is "1x"/);
  });
});
