/**
 * Readers that stop reading while messages pass: what they cost in memory, what the others notice, and whether they get,
 * once they read again, everything that is retained or a gap that names exactly what is not.
 */
import { setTimeout as delay } from "node:timers/promises";
import { withServer } from "../session.mjs";

const OTHERS = 100;
const CREDIT = 256;
/** Small, so that what the readers do not take stands in the server and not in the kernel. */
const RECEIVE_BUFFER = 8192;
const CATCH_UP_MS = 60_000;

/** @param {{ stopped: number, messages: number }} plan */
export async function measureStoppedReaders({ load, samples, say }, name, round, { stopped, messages }) {
  const without = await withServer(name, { load }, async ({ server, open }) => {
    await open(OTHERS);
    await pour(server, load, messages / 20);
    return pour(server, load, messages / 5);
  });

  await withServer(name, { load }, async ({ server, open }) => {
    await open(stopped, RECEIVE_BUFFER);
    await open(OTHERS);
    // The log is full before the first look at memory: what it keeps is not the readers' doing.
    await pour(server, load, messages / 20);
    await server.ask("collect");
    const before = server.pssBytes();
    await load.ask(`hold ${stopped}`);
    const run = await pour(server, load, messages);
    await server.ask("collect");
    const grown = server.pssBytes() - before;

    await load.ask("mark");
    await load.ask(`release ${stopped}`);
    const caughtUp = await load.ask(`held ${stopped} ${run.seq} ${CATCH_UP_MS}`);
    await delay(200);
    const heard = await load.ask("report");
    samples.add(name, stopped, round, {
      stoppedBytes: grown / stopped,
      stoppedP99Ms: run.p99Us / 1000,
      stoppedP99Ratio: run.p99Us / without.p99Us,
      stoppedCaughtUp: caughtUp.settled ? 1 : 0,
      stoppedGaps: heard.gaps,
      stoppedAnnounced: heard.announced,
      stoppedWrong: heard.lost + heard.doubled + heard.broken + heard.misnamed + heard.closed,
    });
    say(name, stopped, round);
  });
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
