/** Fan-out to open streams: saturated, ten messages a turn, paced, overloaded, and how long a publish holds the loop. */
import { median, percentile } from "../samples.mjs";
import { withServer } from "../session.mjs";

/** Deliveries per second that are wanted in all, whatever the number of streams. */
const PACED = 20_000;
const OVERLOAD = 400_000;
/** Long enough for a queue to build up where there is one. */
const OVERLOAD_MS = 4000;
/** How far publishing may be ahead of the slowest stream, in turns of the event loop. */
const CREDIT_TURNS = 32;
/** Of many streams the credit is less: a server that writes one by one would take minutes to pay it back. */
const CREDIT_DELIVERIES = 64_000;

/** @param {{ rhythms: string[], windowMs: number }} plan Rhythms: saturated, joined, paced, overload, hold. */
export async function measureFanOut({ load, samples, say }, name, streams, round, { rhythms, windowMs }) {
  await withServer(name, { load }, async (session) => {
    const credit = Math.max(4, Math.min(CREDIT_TURNS, Math.floor(CREDIT_DELIVERIES / streams)));
    await session.open(streams);
    await session.run("saturate", { ms: windowMs / 2, perTurn: 1, credit });
    const add = (values) => samples.add(name, streams, round, values);

    if (rhythms.includes("saturated")) {
      const run = await session.run("saturate", { ms: windowMs, perTurn: 1, credit });
      add({
        saturatedPerSecond: run.deliveriesPerSecond,
        saturatedCpuUs: run.cpuUsPerDelivery,
        saturatedP99Ms: run.p99Ms,
        saturatedGeneratorBusy: run.isGeneratorBusy,
      });
    }
    if (rhythms.includes("joined")) {
      const run = await session.run("saturate", { ms: windowMs, perTurn: 10, credit });
      add({
        joinedPerSecond: run.deliveriesPerSecond,
        joinedCpuUs: run.cpuUsPerDelivery,
        joinedGeneratorBusy: run.isGeneratorBusy,
      });
    }
    if (rhythms.includes("paced")) {
      const run = await session.run("pace", { ms: windowMs * 2, perSecond: PACED / streams });
      add({ pacedCpuUs: run.cpuUsPerDelivery, pacedP50Ms: run.p50Ms, pacedP99Ms: run.p99Ms });
    }
    if (rhythms.includes("overload")) {
      const run = await session.run("pace", { ms: OVERLOAD_MS, perSecond: OVERLOAD / streams });
      add({
        overloadShareInTime: run.shareInTime,
        overloadDelivered: run.confirmed / run.messages,
        overloadP50Ms: run.p50Ms,
        overloadP99Ms: run.p99Ms,
      });
    }
    if (rhythms.includes("hold")) {
      const hold = await session.server.ask("hold", { publishes: 15 });
      add({
        holdCpuMs: median(hold.holdCpuMs),
        holdMs: median(hold.holdMs),
        holdP90Ms: percentile(hold.holdMs, 0.9),
        holdMaxMs: Math.max(...hold.holdMs),
        silentMs: median(hold.silentMs),
        silentP90Ms: percentile(hold.silentMs, 0.9),
        loopDelayP99Ms: hold.nativeP99Ms,
        loopDelayMaxMs: hold.nativeMaxMs,
      });
    }
    say(name, streams, round);
  });
}
