/**
 * Servers (worker.mjs) over one log that are killed at random, and readers that are cut off at random: each reader must have the exact text and the
 * verdict "complete", or a verdict that says it is not. For processes.test.ts, and for `npm run bench answers -- faults`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "tidings/client";
import { tidings } from "tidings/dialects";

const PROGRAM = fileURLToPath(new URL("worker.mjs", import.meta.url));
const TOKENS = 100;
/** Answers that are read at once. */
const AT_ONCE = 40;

/** @param log - A path of LMDB, or a URL. @returns Its `url`, `signal(name)`, and `kill()`. */
export async function startWorker(log, settings = {}) {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, LOG: log, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${Number(String(line))}`,
    signal: (name) => child.kill(name),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/**
 * Has answers produced and read until there are so many of them, some of both kinds, and three processes have been killed.
 * @returns What became of them. `wrong` must be 0; `examples` shows the first ones that are not right.
 */
export async function countFaults(log, { answers }) {
  const workers = await Promise.all(Array.from({ length: 3 }, () => startWorker(log)));
  const counts = { complete: 0, failed: 0, wrong: 0, deaths: 0, cuts: 0, examples: [] };
  let next = 0;
  const isProven = () => counts.deaths >= 3 && counts.complete > 0 && counts.failed > 0;
  const isOver = () => next >= answers && (isProven() || counts.wrong > 0);

  async function killSome() {
    while (!isOver()) {
      // Now and then long enough for answers to be complete, however fast the machine starts a process.
      await sleep(500 + (counts.deaths % 4) * 1_500);
      const index = counts.deaths % workers.length;
      await workers[index].kill();
      counts.deaths += 1;
      workers[index] = await startWorker(log);
    }
  }

  async function readSome(first) {
    await sleep(first * 50);
    while (!isOver()) {
      const id = `answer-${(next += 1)}`;
      const { tokens, verdict, cuts } = await readToEnd(() => workers.map(({ url }) => url), id);
      counts.cuts += cuts;
      const why = judge(id, tokens, verdict);
      if (why === "complete" || why === "failed") counts[why] += 1;
      else {
        counts.wrong += 1;
        if (counts.examples.length < 5) counts.examples.push(why);
      }
    }
  }

  await Promise.all([killSome(), ...Array.from({ length: AT_ONCE }, (_, first) => readSome(first))]);
  for (const worker of workers) await worker.kill();
  return counts;
}

/** Reads an answer to its end, at whichever of the servers lives. The reader is killed now and then, and another one continues. */
async function readToEnd(urls, id) {
  const tokens = [];
  let lastEventId = "";
  for (let cuts = 0; ; cuts += 1) {
    const cutAt = Math.random() < 0.5 ? tokens.length + Math.ceil(Math.random() * TOKENS) : Infinity;
    const connection = connect(() => `${urls()[Math.floor(Math.random() * urls().length)]}/${id}`, {
      dialect: tidings(),
      lastEventId,
      retry: { baseMs: 100, capMs: 300 },
      onError() {},
      onMessage: ({ event, data }) => {
        if (event !== "message") return;
        tokens.push(data);
        if (tokens.length === cutAt) connection.close();
      },
    });
    const verdict = await connection.ended;
    if (verdict.reason !== "closed") return { tokens, verdict, cuts };
    ({ lastEventId } = connection);
  }
}

function judge(id, tokens, { reason, cause }) {
  const by = tokens[0]?.split(" ").at(-1);
  const odd = tokens.findIndex((token, i) => token !== `token ${i} of ${id} by ${by}`);
  if (odd !== -1) return `${id}: token ${odd} is ${JSON.stringify(tokens[odd])}, the first is by ${by}`;
  if (reason === "complete")
    return tokens.length === TOKENS ? "complete" : `${id}: complete with ${tokens.length} tokens`;
  const isTold = reason === "failed" && cause?.cause?.reason === "lost";
  return isTold
    ? "failed"
    : `${id}: the verdict is ${reason} (${String(cause)}), expected complete, or failed as lost`;
}

const sleep = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));
