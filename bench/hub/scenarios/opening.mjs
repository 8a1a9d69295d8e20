/** Streams that come and go: opened and cut at once, and opened with a last event ID to be given what they missed. */
import { withServer } from "../session.mjs";

const SLOTS = 64;
const MISSED = 100;
/** Streams that are open all the while: history is replayed beside live subscribers. */
const LIVE = 10;

export async function measureOpening({ load, samples, say }, name, round, { windowMs }) {
  await withServer(name, { load }, async ({ server }) => {
    await load.ask(`churn ${windowMs / 2} ${SLOTS} 0 0`);
    const run = await churn(server, load, windowMs, 0, 0);
    samples.add(name, SLOTS, round, {
      churnCpuUs: run.cpuUs / run.opened,
      churnPerSecond: run.opened / run.seconds,
      churnP99Ms: run.p99Us / 1000,
    });
    say(name, SLOTS, round);
  });
}

export async function measureReplay({ load, samples, say }, name, round, { windowMs }) {
  await withServer(name, { load, keptMessages: MISSED + 1 }, async ({ server, open }) => {
    await open(LIVE);
    const { first, firstId } = await server.ask("fill", { count: MISSED + 1 });
    await load.ask(`target ${server.port} /events ${firstId}`);
    await load.ask(`churn ${windowMs / 2} ${SLOTS} ${first} ${MISSED}`);
    const run = await churn(server, load, windowMs, first, MISSED);
    samples.add(name, SLOTS, round, {
      replayCpuUs: run.cpuUs / run.opened,
      replaysPerSecond: run.opened / run.seconds,
      replayP99Ms: run.p99Us / 1000,
    });
    say(name, SLOTS, round);
  });
}

async function churn(server, load, windowMs, last, events) {
  const before = await server.ask("cpu");
  const run = await load.ask(`churn ${windowMs} ${SLOTS} ${last} ${events}`);
  const after = await server.ask("cpu");
  if (run.refused + run.lost + run.doubled + run.broken > 0 || run.opened === 0) {
    throw new Error(`Streams that came and went were served wrongly: ${JSON.stringify(run)}`);
  }
  return { ...run, cpuUs: after.cpuUs - before.cpuUs };
}
