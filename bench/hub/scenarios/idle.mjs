/** Streams that are only open: what opening them costs, the memory each holds, and what a heartbeat costs. */
import { setTimeout as delay } from "node:timers/promises";
import { withServer } from "../session.mjs";

const WARM_STREAMS = 200;

/** Memory is the growth of the process (proportional set size) after collection; kernel buffers are outside it. */
export async function measureIdle({ load, samples, say }, name, streams, round) {
  await withServer(name, { load }, async ({ server, open }) => {
    await open(WARM_STREAMS);
    await load.ask("close");
    await delay(300);
    const collected = await server.ask("collect");
    const before = server.pssBytes();
    const { cpuUs } = await server.ask("cpu");
    const opened = await open(streams);
    const { cpuUs: cpuUsThen } = await server.ask("cpu");
    await delay(500);
    const grown = await server.ask("collect");
    samples.add(name, streams, round, {
      idleBytes: (server.pssBytes() - before) / streams,
      idleHeapBytes: (grown.heapUsed + grown.external - collected.heapUsed - collected.external) / streams,
      openCpuUs: (cpuUsThen - cpuUs) / streams,
      opensPerSecond: streams / opened.seconds,
      openP99Ms: opened.p99Us / 1000,
    });
    say(name, streams, round);
  });
}

/** CPU of the server for each heartbeat that arrived, over `beats` intervals. */
export async function measureHeartbeat({ load, samples, say }, name, streams, round, { beats = 3 } = {}) {
  const heartbeatMs = 2000;
  await withServer(name, { load, heartbeatMs }, async ({ server, open }) => {
    await open(streams);
    // The first beat of every stream warms the code.
    await delay(heartbeatMs * 1.5);
    await load.ask("mark");
    const before = await server.ask("cpu");
    await delay(heartbeatMs * beats);
    const after = await server.ask("cpu");
    const heard = await load.ask("report");
    samples.add(name, streams, round, {
      heartbeatCpuUs: (after.cpuUs - before.cpuUs) / heard.beats,
      beatsPerStream: heard.beats / streams,
    });
    say(name, streams, round);
  });
}
