/**
 * Opens connections at a pace, holds them, makes them all reconnect at once if requested, and counts.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { JsonPath } from "../listen/json-path.ts";
import { pause } from "../pause.ts";
import { LoadConnection } from "./connection.ts";
import { Histogram, type Percentiles } from "./histogram.ts";
import type { OrderTotals } from "./order.ts";
import { type Sample, Tally } from "./tally.ts";
import type { LoadTarget } from "./target.ts";

export interface LoadPlan {
  readonly connections: number;
  readonly rampMs: number;
  readonly holdMs: number;
  /** How often all are cut and come back at once. */
  readonly storms: number;
  /** Whether connections that were lost come back, as clients do. */
  readonly reconnect: boolean;
  readonly timePath: JsonPath | undefined;
}

export interface Storm {
  readonly connections: number;
  /** Until the last of them was open again; absent if not all came back in time. */
  readonly allBackMs: number | undefined;
  readonly backMs: Percentiles;
}

export interface LoadResult {
  readonly plan: LoadPlan;
  readonly tookMs: number;
  /** Open at the end. */
  readonly open: number;
  readonly mostOpen: number;
  readonly messages: number;
  readonly bytes: number;
  /** From the moment all were open, or the ramp's end, to the end of the hold. */
  readonly steady: { readonly ms: number; readonly messages: number; readonly bytes: number };
  readonly gapsTold: number;
  /** Messages that were older than the connection that got them. */
  readonly replayed: number;
  readonly disconnects: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly connectMs: Percentiles;
  readonly latencyIs: "sent" | "spread" | undefined;
  readonly latencyMs: Percentiles;
  readonly latencyCurve: readonly { readonly share: number; readonly ms: number }[];
  readonly order: OrderTotals;
  readonly storms: readonly Storm[];
  readonly samples: readonly Sample[];
  /** Of this process: if it is busy, it measures itself. */
  readonly self: { readonly loopP99Ms: number; readonly cpuShare: number; readonly rssBytes: number };
}

/** A storm is over when all are back, or after this. */
const STORM_MS = 60_000;
const RETRY_SPREAD = 0.5;

/** @param onProgress - Called several times a second. */
export async function runLoad(
  target: LoadTarget,
  plan: LoadPlan,
  signal: AbortSignal,
  onProgress: (tally: Tally, phase: string) => void,
): Promise<LoadResult> {
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  const cpu = process.cpuUsage();
  const tally = new Tally(plan.timePath);
  const connections = Array.from({ length: plan.connections }, () => new LoadConnection(target, tally));
  let phase = "opening";
  let ending = false;
  let mostOpen = 0;
  const timers = new Set<NodeJS.Timeout>();
  const later = (run: () => void, ms: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  };
  tally.onAfter = {
    open: () => void (mostOpen = Math.max(mostOpen, tally.open)),
    ended(connection) {
      if (ending || !plan.reconnect) return;
      // As clients wait: what the server said, and a random time besides.
      later(
        () => connection.state === "idle" && !ending && connection.open(),
        connection.retryMs * (1 + Math.random() * RETRY_SPREAD),
      );
    },
  };
  const progress = setInterval(() => {
    tally.tick();
    onProgress(tally, phase);
  }, 200);

  await ramp();
  await settled(plan.rampMs < 5000 ? 5000 : plan.rampMs);
  const steadyFrom = { atMs: performance.now(), messages: tally.messages, bytes: tally.bytes };
  phase = "holding";
  await pause(plan.holdMs, signal);
  const steady = {
    ms: performance.now() - steadyFrom.atMs,
    messages: tally.messages - steadyFrom.messages,
    bytes: tally.bytes - steadyFrom.bytes,
  };
  const storms: Storm[] = [];
  for (let number = 1; number <= plan.storms && !signal.aborted; number++) {
    phase = `storm ${number}`;
    storms.push(await storm());
  }
  tally.tick();
  ending = true;
  clearInterval(progress);
  for (const timer of timers) clearTimeout(timer);
  const open = tally.open;
  for (const connection of connections) connection.close();
  loop.disable();

  const tookMs = performance.now() - tally.startMs;
  const { user, system } = process.cpuUsage(cpu);
  return {
    plan,
    tookMs,
    open,
    mostOpen,
    messages: tally.messages,
    bytes: tally.bytes,
    steady,
    gapsTold: tally.gaps,
    replayed: tally.replayed,
    disconnects: tally.disconnects,
    failures: Object.fromEntries(tally.failures),
    connectMs: tally.connectTimes.percentiles(),
    latencyIs: tally.latencyIs,
    latencyMs: tally.latency.percentiles(),
    latencyCurve: tally.latency.curve(),
    order: tally.order.totals(),
    storms,
    samples: tally.samples,
    self: {
      // The resolution is part of what it measures.
      loopP99Ms: Math.max(0, loop.percentile(99) / 1e6 - 10),
      cpuShare: (user + system) / 1000 / tookMs,
      rssBytes: process.memoryUsage.rss(),
    },
  };

  async function ramp(): Promise<void> {
    const startMs = performance.now();
    for (let next = 0; next < connections.length && !signal.aborted;) {
      const due =
        plan.rampMs === 0
          ? connections.length
          : Math.ceil(((performance.now() - startMs) / plan.rampMs) * connections.length);
      for (; next < Math.min(due, connections.length); next++) connections[next]!.open();
      if (next < connections.length) await pause(5, signal);
    }
  }

  /** Until every connection is open or has failed. */
  async function settled(mostMs: number): Promise<void> {
    const untilMs = performance.now() + mostMs;
    while (
      performance.now() < untilMs &&
      !signal.aborted &&
      connections.some(({ state }) => state === "connecting")
    )
      await pause(10, signal);
  }

  async function storm(): Promise<Storm> {
    const startMs = performance.now();
    const back = new Histogram();
    const those = connections.filter(({ state }) => state === "open");
    for (const connection of those) {
      connection.close();
      tally.cut();
    }
    const before = tally.onAfter!;
    const returned = new Set<LoadConnection>();
    tally.onAfter = {
      ...before,
      open() {
        before.open();
        back.add(performance.now() - startMs);
      },
    };
    for (const connection of those) connection.open();
    while (performance.now() - startMs < STORM_MS && !signal.aborted) {
      for (const connection of those) if (connection.state === "open") returned.add(connection);
      if (returned.size === those.length) break;
      if (!plan.reconnect && those.every(({ state }) => state !== "connecting")) break;
      await pause(10, signal);
    }
    const percentiles = back.percentiles();
    tally.onAfter = before;
    // What they missed comes now.
    await pause(Math.min(2000, plan.holdMs), signal);
    return {
      connections: those.length,
      allBackMs: returned.size === those.length ? percentiles.max : undefined,
      backMs: percentiles,
    };
  }
}
