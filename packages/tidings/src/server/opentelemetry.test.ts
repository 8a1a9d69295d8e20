import { context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Reader, serveHub, until } from "../../../../test/support/hub-server.ts";
import { observeHub, traceHubs } from "./opentelemetry.ts";
import { createHub } from "./hub/create-hub.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** The real SDK, with what it exports kept in memory. */
function meterAndSamples() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  cleanups.push(() => provider.shutdown());
  const collect = async () => {
    exporter.reset();
    await reader.forceFlush();
    const [scope] = exporter.getMetrics()[0]?.scopeMetrics ?? [];
    const samples = (scope?.metrics ?? []).flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [
        `${descriptor.name} ${descriptor.unit} ${JSON.stringify(attributes)}`,
        value,
      ]),
    );
    return Object.fromEntries(samples) as Record<string, number>;
  };
  return { meter: provider.getMeter("test"), collect };
}

describe("observeHub()", () => {
  it("exports what stats() says, with attributes, until it is ended", async () => {
    const { meter, collect } = meterAndSamples();
    const server = await serveHub({ compression: true });
    cleanups.push(() => server.close());
    const other = createHub();
    cleanups.push(() => other.drain());
    let reads = 0;
    const watched = {
      stats: () => {
        reads += 1;
        return server.hub.stats();
      },
    };
    const end = observeHub(watched, { meter, attributes: { hub: "a" } });
    observeHub(other, { meter, attributes: { hub: "b" } });
    const reader = await Reader.open(`${server.url}?topic=a`, "elsewhere.1");
    cleanups.push(() => reader.cut());
    await server.hub.publish("a", { data: "1" });
    await reader.messagesUntil(2);
    expect(await collect()).toMatchObject({
      'tidings.streams 1 {"hub":"a"}': 1,
      'tidings.streams 1 {"hub":"b"}': 0,
      'tidings.messages.published 1 {"hub":"a"}': 1,
      'tidings.messages.delivered 1 {"hub":"a"}': 1,
      'tidings.written By {"hub":"a"}': server.hub.stats().bytes,
      'tidings.gaps 1 {"hub":"a","reason":"epoch"}': 1,
      'tidings.gaps 1 {"hub":"a","reason":"slow"}': 0,
    });
    // Once for all metrics.
    expect(reads).toBe(1);
    end();
    expect((await collect())['tidings.streams 1 {"hub":"b"}']).toBe(0);
    expect(reads).toBe(1);
  });
});

describe("traceHubs()", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer("test");
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

  beforeEach(() => {
    exporter.reset();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    cleanups.push(() => context.disable());
    cleanups.push(traceHubs({ tracer }));
  });

  /** Does it as a handler of an instrumented server would. */
  const within = async <T>(name: string, run: () => Promise<T>): Promise<{ span: Span; result: T }> => {
    const span = tracer.startSpan(name);
    const result = await context.with(trace.setSpan(context.active(), span), run);
    span.end();
    return { span, result };
  };

  it("makes a span of a publish, below what published", async () => {
    const hub = createHub();
    cleanups.push(() => hub.drain());
    const { span } = await within("job", () => hub.publish("prices", { data: 1 }));
    await hub.publish([
      { topic: "a", data: 1 },
      { topic: "b", data: 2 },
    ]);
    const [one, batch] = named("tidings.publish");
    expect(one!.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    expect(one!.attributes).toEqual({
      "messaging.system": "tidings",
      "messaging.operation.type": "send",
      "messaging.batch.message_count": 1,
      "messaging.destination.name": "prices",
    });
    expect(one!.duration[0]).toBe(0);
    expect(batch!.attributes).toMatchObject({ "messaging.batch.message_count": 2 });
    expect(batch!.attributes).not.toHaveProperty("messaging.destination.name");
  });

  it("makes a span of a stream, from its request to its end, with its gaps", async () => {
    const hub = createHub();
    cleanups.push(() => hub.drain({ overMs: 0, graceMs: 1 }));
    const request = new Request("http://localhost/", { headers: { "last-event-id": "elsewhere.1" } });
    const { span, result } = await within("GET /", () =>
      hub.respond(request, { topics: ["a"], subscriber: "ann" }),
    );
    expect(named("tidings.stream")).toEqual([]);
    await result.body!.cancel();
    await until(() => named("tidings.stream").length === 1, "the span");
    const [stream] = named("tidings.stream");
    expect(stream!.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    expect(stream!.attributes).toEqual({
      "tidings.resumed": true,
      "tidings.subscriber": "ann",
      "tidings.end": "peer-left",
    });
    expect(stream!.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ["tidings.gap", { "tidings.reason": "epoch" }],
    ]);
    expect(stream!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("calls a failed stream an error, and tells the request's span of a refusal", async () => {
    const hub = createHub({ onError() {} });
    cleanups.push(() => hub.drain({ overMs: 0, graceMs: 1 }));
    const filter = (): boolean => {
      throw new Error("broken");
    };
    const response = await hub.respond(new Request("http://localhost/"), { topics: ["a"], filter });
    await hub.publish("a", { data: 1 });
    await response.text().catch(() => undefined);
    await until(() => named("tidings.stream").length === 1, "the span");
    expect(named("tidings.stream")[0]!.status.code).toBe(SpanStatusCode.ERROR);

    await within("GET /", () => hub.respond(new Request("http://localhost/"), { topics: [] }));
    expect(named("GET /")[0]!.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ["tidings.refuse", { "tidings.code": "bad-topics", "tidings.status": 400 }],
    ]);
  });

  it("ends the spans of streams that are open when it is ended, and makes none after", async () => {
    const end = cleanups.pop()!;
    const hub = createHub();
    cleanups.push(() => hub.drain({ overMs: 0, graceMs: 1 }));
    const { body } = await hub.respond(new Request("http://localhost/"), { topics: ["a"] });
    await end();
    expect(named("tidings.stream")).toHaveLength(1);
    await hub.publish("a", { data: 1 });
    expect(named("tidings.publish")).toEqual([]);
    await body!.cancel();
  });
});

describe("a tracer and a meter that misbehave", () => {
  const mistake = new Error("the application's mistake");
  const rejecting = (): Promise<never> => Promise.reject(mistake);

  it("whose promises reject are reported on the console, and end nothing", async () => {
    const reported: unknown[] = [];
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", note);
    cleanups.push(() => {
      process.off("unhandledRejection", note);
      for (const other of others) process.on("unhandledRejection", other);
    });
    const consoles = vi.spyOn(console, "error").mockImplementation((error) => void reported.push(error));
    cleanups.push(() => consoles.mockRestore());
    const span = { addEvent: rejecting, setAttribute: rejecting, setStatus: rejecting, end: rejecting };
    const hub = createHub();
    cleanups.push(() => hub.drain({ overMs: 0 }));
    for (const startSpan of [() => span, rejecting]) {
      const end = traceHubs({ tracer: { startSpan } as never });
      const response = await hub.respond(new Request("http://a/"), { topics: ["a"] });
      await hub.publish("a", { data: "1" });
      await response.body!.cancel();
      await new Promise((resolve) => void setTimeout(resolve, 5));
      end();
    }
    const meter = {
      createObservableCounter: rejecting,
      createObservableUpDownCounter: rejecting,
      addBatchObservableCallback: rejecting,
      removeBatchObservableCallback: rejecting,
    };
    observeHub(hub, { meter: meter as never })();
    await new Promise((resolve) => void setTimeout(resolve, 5));
    expect(uncaught).toEqual([]);
    expect(reported.filter((error) => error === mistake).length).toBeGreaterThan(10);
  });

  it("that throw at the call tell whoever calls", () => {
    const failing = (): never => {
      throw mistake;
    };
    const meter = { createObservableCounter: failing, createObservableUpDownCounter: failing };
    expect(() => observeHub(createHub(), { meter: meter as never })).toThrow(mistake);
  });
});
