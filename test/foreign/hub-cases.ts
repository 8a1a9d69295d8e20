/** What a hub takes, and what observes one: functions of subscriptions, reports, tracers and meters. */
import { expect, vi } from "vitest";
import type { Hub } from "../../packages/tidings/src/server/index.ts";
import { observeHub, traceHubs } from "../../packages/tidings/src/server/opentelemetry.ts";
import { type Bad, fails, isForeign, mistake, shown } from "./bad-code.ts";
import {
  type Case,
  expectNothingUncaught,
  expectReports,
  expectSecondsOnConsole,
  failing,
  openHub,
  settle,
  witness,
} from "./harness.ts";

/** One subscription with a function that misbehaves, and a witness. */
const ofSubscription =
  (name: "authorize" | "filter" | "snapshot" | "onOpen"): Case =>
  async (bad) => {
    const { hub, reported } = openHub();
    const beside = await witness(hub);
    const code = bad.make(() => hub.publish("b", { data: "from inside" }));
    const response = await hub.respond(new Request("http://a/"), { topics: ["a"], [name]: code });
    expect([200, 403, 503]).toContain(response.status);
    const read = response.text().catch(() => undefined);
    await hub.publish("a", { data: "1" });
    await expect.poll(beside.text).toContain("data: 1");
    await expect.poll(() => reported.length).toBe(reportsOf[name](bad));
    await settle();
    expect(reported.length).toBe(reportsOf[name](bad));
    if (fails(bad) && !(name === "filter" && bad.kind === "rejects")) expectReports(reported, bad.thrown);
    expectNothingUncaught();
    await hub.revoke("nobody");
    await hub.drain({ overMs: 0, graceMs: 5 });
    await read;
    expect(hub.stats().streams).toBe(0);
    expect(reported.length).toBe(reportsOf[name](bad));
  };

/** One for each mistake: how often each function of a subscription is due a report. */
const reportsOf: Readonly<Record<"authorize" | "filter" | "snapshot" | "onOpen", (bad: Bad) => number>> = {
  // Whatever is no answer is a mistake, and so is silence.
  authorize: () => 1,
  // It answers at once; any value says whether. A promise is none.
  filter: (bad) => Number(fails(bad) || bad.kind === "never" || bad.kind === "calls back"),
  snapshot: (bad) => Number(!isEmptyState(bad)),
  // Nothing is asked of it.
  onOpen: (bad) => Number(fails(bad)),
};
const isEmptyState = ({ given }: Bad): boolean => Array.isArray(given) && given.length === 0;

const ofHubOnError: Case = async (bad) => {
  const inside = (): unknown => hub.publish("b", { data: "from inside" });
  const { hub }: { hub: Hub } = openHub({ onError: bad.make(inside) as (error: unknown) => void });
  const beside = await witness(hub);
  const { body } = await hub.respond(new Request("http://a/"), { topics: ["a"], filter: failing });
  await hub.publish("a", { data: "1" });
  await hub.publish("a", { data: "2" });
  await expect.poll(beside.text).toContain("data: 2");
  await body?.cancel().catch(() => undefined);
  await settle();
  expectNothingUncaught();
  expectSecondsOnConsole(bad, mistake);
};

/** What OpenTelemetry's SDK gives, misbehaving: what it observes is not its to break. */
const ofTracer: Case = async (bad) => {
  const { hub } = openHub();
  const stop = traceHubs({
    tracer: { startSpan: bad.make(() => hub.drain({ overMs: 0, graceMs: 0 })) } as never,
  });
  const { body } = await hub.respond(new Request("http://a/"), { topics: ["a"] });
  expect((await hub.publish("a", { data: "1" })).id).toContain(".1");
  await body?.cancel().catch(() => undefined);
  await settle();
  stop();
  // Once for the stream, and once for the publish.
  if (bad.kind === "throws") {
    const reports = vi.mocked(console.error).mock.calls.flat();
    expect(reports.map(shown)).toEqual([bad.thrown, bad.thrown].map(shown));
  }
  // A span is no promise, and none is awaited.
  if (bad.kind !== "rejects") expectNothingUncaught();
};

/** A meter is called by whoever observes a hub, who gets what it throws; the hub goes on. */
const ofMeter: Case = async (bad) => {
  const { hub } = openHub();
  const code = bad.make(() => hub.stats());
  const meter = {
    createObservableCounter: code,
    createObservableUpDownCounter: code,
    addBatchObservableCallback: code,
    removeBatchObservableCallback: code,
  } as never;
  try {
    observeHub(hub, { meter })();
    expect(bad.kind).not.toBe("throws");
  } catch (error) {
    expect(isForeign(error)).toBe(true);
  }
  expect((await hub.publish("a", { data: "1" })).id).toContain(".1");
  await settle();
  // What a meter returns is not awaited: the interface has no promises.
  if (bad.kind !== "rejects") expectNothingUncaught();
};

/** A hub that is closed from inside one of its own callbacks closes. */
export const closesFrom =
  (name: "authorize" | "filter" | "snapshot" | "onOpen" | "onError"): (() => Promise<void>) =>
  async () => {
    let drained: Promise<void> | undefined;
    const close = (): unknown => {
      drained ??= hub.drain({ overMs: 0, graceMs: 5 });
      return name === "snapshot" ? undefined : true;
    };
    const { hub }: { hub: Hub } = openHub(name === "onError" ? { onError: close } : {});
    const code = name === "onError" ? { filter: failing } : { [name]: close };
    const response = await hub.respond(new Request("http://a/"), { topics: ["a"], ...code });
    const read = response.text().catch(() => undefined);
    await hub.publish("a", { data: "1" }).catch(() => undefined);
    await expect.poll(() => drained !== undefined).toBe(true);
    await drained;
    await read;
    expect(hub.stats().streams).toBe(0);
    expectNothingUncaught();
  };

export const hubCases: Readonly<Record<string, Case>> = {
  "ObserveOptions.meter": ofMeter,
  "TraceOptions.tracer": ofTracer,
  "SubscribeOptions.authorize": ofSubscription("authorize"),
  "SubscribeOptions.filter": ofSubscription("filter"),
  "SubscribeOptions.snapshot": ofSubscription("snapshot"),
  "SubscribeOptions.onOpen": ofSubscription("onOpen"),
  "HubOptions.onError": ofHubOnError,
};
