/**
 * What hubs do, for OpenTelemetry: their statistics as metrics, their streams and publishes as spans. It rests on what any
 * application can have, `hub.stats()` and the channels of diagnostics.ts.
 *
 * Needs the `@opentelemetry/api` package, which the application brings, with an SDK that it has set up.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  type Attributes,
  type Meter,
  metrics,
  type Observable,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { unawaited } from "../guard/as-error.ts";
import { reporter, tell } from "../guard/foreign.ts";
import { channels, type DiagnosticsMessages } from "./observe/diagnostics.ts";
import type { Hub } from "./hub/hub.ts";
import { METRICS, samplesOf } from "./observe/metrics.ts";
import type { Subscription } from "./streams/subscription.ts";

/** Where the mistakes of a tracer or a meter go. */
const report = reporter(undefined);

/** A call of theirs, whose promise would be one that nobody waits for. */
const call = <Given>(make: () => Given): Given => unawaited(make(), report);

export interface ObserveOptions {
  /** Default: `metrics.getMeter("tidings")`. */
  meter?: Meter | undefined;
  /** Attributes of every sample, to tell several hubs apart: `{ hub: "prices" }`. */
  attributes?: Attributes | undefined;
}

/**
 * Has the statistics of a hub read at each collection, once for all of its metrics.
 * @returns A function that stops it.
 */
export function observeHub(hub: Pick<Hub, "stats">, options: ObserveOptions = {}): () => void {
  const { meter = metrics.getMeter("tidings"), attributes = {} } = options;
  const observables = METRICS.map((metric) => {
    const described = { description: metric.help, unit: metric.unit };
    const observable: Observable = call(() =>
      metric.kind === "counter"
        ? meter.createObservableCounter(metric.name, described)
        : meter.createObservableUpDownCounter(metric.name, described),
    );
    return { metric, observable };
  });
  const all = observables.map(({ observable }) => observable);
  const read: Parameters<Meter["addBatchObservableCallback"]>[0] = (result) => {
    const stats = hub.stats();
    for (const { metric, observable } of observables) {
      for (const [value, count] of samplesOf(metric, stats)) {
        const own = value === undefined ? attributes : { ...attributes, [metric.label!]: value };
        call(() => result.observe(observable, count, own));
      }
    }
  };
  call(() => meter.addBatchObservableCallback(read, all));
  return () => call(() => meter.removeBatchObservableCallback(read, all));
}

export interface TraceOptions {
  /** Default: `trace.getTracer("tidings")`. */
  tracer?: Tracer | undefined;
}

/**
 * Makes spans of what all hubs of this process do. A publish is one, with the time that the log took to accept it; an open
 * stream is one, below the request that opened it, with an event for each gap that its subscriber got and each change of its topics. A refused
 * request gets an event on the span that is active, the HTTP server's mostly.
 * @returns A function that stops it, and ends the spans of the streams that are open.
 */
export function traceHubs(options: TraceOptions = {}): () => void {
  const { tracer = trace.getTracer("tidings") } = options;
  const open = new Map<Subscription, Span>();
  const listeners: Listeners = {
    "tidings:publish": ({ topics, repeated, tookMs }) => {
      const endTime = Date.now();
      const span = call(() =>
        tracer.startSpan("tidings.publish", {
          kind: SpanKind.PRODUCER,
          startTime: endTime - tookMs,
          attributes: {
            "messaging.system": "tidings",
            "messaging.operation.type": "send",
            "messaging.batch.message_count": topics.length,
            ...(new Set(topics).size === 1 && { "messaging.destination.name": topics[0]! }),
            ...(repeated && { "tidings.repeated": true }),
          },
        }),
      );
      call(() => span.end(endTime));
    },
    "tidings:stream:open": ({ subscription, subscriber, lastEventId }) => {
      const attributes = {
        "tidings.resumed": lastEventId !== "",
        ...(subscriber !== undefined && { "tidings.subscriber": subscriber }),
      };
      open.set(
        subscription,
        call(() => tracer.startSpan("tidings.stream", { kind: SpanKind.SERVER, attributes })),
      );
    },
    "tidings:stream:update": ({ subscription, topics }) => {
      call(() => open.get(subscription)?.addEvent("tidings.update", { "tidings.topics": topics.length }));
    },
    "tidings:stream:refuse": ({ code, status }) => {
      call(() =>
        trace.getActiveSpan()?.addEvent("tidings.refuse", { "tidings.code": code, "tidings.status": status }),
      );
    },
    "tidings:stream:gap": ({ subscription, reason }) => {
      call(() => open.get(subscription)?.addEvent("tidings.gap", { "tidings.reason": reason }));
    },
    "tidings:stream:end": ({ subscription, reason }) => {
      const span = open.get(subscription);
      if (span === undefined) return;
      open.delete(subscription);
      try {
        call(() => span.setAttribute("tidings.end", reason));
        if (reason === "failed") call(() => span.setStatus({ code: SpanStatusCode.ERROR }));
      } finally {
        // One that is not ended is never exported.
        call(() => span.end());
      }
    },
  };
  // What a listener of a channel throws ends the process.
  const guarded = names.map((name) => {
    const listener = listeners[name] as (message: unknown) => void;
    return [name, (message: unknown) => tell(report, listener, message)] as const;
  });
  for (const [name, listener] of guarded) subscribe(name, listener);
  return () => {
    for (const [name, listener] of guarded) unsubscribe(name, listener);
    for (const span of open.values()) tell(report, () => span.end());
    open.clear();
  };
}

type Listeners = {
  readonly [Name in keyof DiagnosticsMessages]: (message: DiagnosticsMessages[Name]) => void;
};

const names = Object.keys(channels) as (keyof DiagnosticsMessages)[];
