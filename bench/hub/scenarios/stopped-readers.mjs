/**
 * Readers that stop reading while messages pass: what they cost in memory, what the others notice, and whether they get,
 * once they read again, everything that is retained or a gap that names exactly what is not.
 */
import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../samples.mjs";
import { withServer } from "../session.mjs";

const OTHERS = 100;
const CREDIT = 256;
/** More messages than the log, and what is recent of it, keep. */
const FILLED = 50_000;
/** Small, so that the kernel takes little of what the readers do not. */
const RECEIVE_BUFFER = 8192;
/** Messages after which the kernel's buffers are full: until then the readers only seem to read. */
const BUFFERED = 40_000;
/**
 * Latency is looked at in so many parts, and the lower quartile of their percentiles taken: other work disturbs the rest. With the
 * stopped readers and without them parts are of the same size: a collection of garbage delays what is on its way, some 250 messages,
 * which is more than a hundredth of a part that is small enough, and such a part may also have none.
 */
const PARTS = 10;
const CATCH_UP_MS = 60_000;

/** @param {{ stopped: number, messages: number }} plan */
export async function measureStoppedReaders({ load, samples, say }, name, round, { stopped, messages }) {
  const looked = messages - BUFFERED;
  const alone = await withServer(name, { load }, async ({ server, open }) => {
    await open(OTHERS);
    await pour(server, load, FILLED);
    return pourInParts(server, load, looked);
  });

  await withServer(name, { load }, async ({ server, open }) => {
    await open(stopped, RECEIVE_BUFFER);
    await open(OTHERS);
    // The log is full before the first look at memory: what it keeps is not the readers' doing.
    await pour(server, load, FILLED);
    const before = await memory(server);
    await load.ask(`hold ${stopped}`);
    await pour(server, load, BUFFERED);
    const run = await pourInParts(server, load, looked);
    const after = await memory(server);

    await load.ask("mark");
    await load.ask(`release ${stopped}`);
    const caughtUp = await load.ask(`held ${stopped} ${run.seq} ${CATCH_UP_MS}`);
    await delay(200);
    const heard = await load.ask("report");
    samples.add(name, stopped, round, {
      stoppedBytes: (after.used - before.used) / stopped,
      stoppedPssBytes: (after.pss - before.pss) / stopped,
      stoppedP99Ms: run.p99Ms,
      aloneP99Ms: alone.p99Ms,
      stoppedP99Ratio: run.p99Ms / alone.p99Ms,
      stoppedCaughtUp: caughtUp.settled ? 1 : 0,
      stoppedGaps: heard.gaps,
      stoppedAnnounced: heard.announced,
      stoppedWrong: heard.lost + heard.doubled + heard.broken + heard.misnamed + heard.closed,
    });
    say(name, stopped, round);
  });
}

/** What the process uses, counted by its allocator, and the pages it has: pages are given back late, and in lumps. */
async function memory(server) {
  const { heapUsed, external } = await server.ask("collect");
  return { used: heapUsed + external, pss: server.pssBytes() };
}

async function pourInParts(server, load, count) {
  const parts = [];
  for (let part = 0; part < PARTS; part++) parts.push(await pour(server, load, count / PARTS));
  return {
    p99Ms: percentile(
      parts.map(({ p99Us }) => p99Us / 1000),
      0.25,
    ),
    seq: parts.at(-1).seq,
  };
}

async function pour(server, load, count) {
  await load.ask("mark");
  const run = await server.ask("pour", { count: Math.round(count), credit: CREDIT });
  const heard = await load.ask("report");
  if (run.confirmed !== run.messages || heard.lost + heard.doubled + heard.broken > 0) {
    throw new Error(`The readers that read did not get everything: ${JSON.stringify({ ...run, ...heard })}`);
  }
  return { ...heard, ...run };
}
