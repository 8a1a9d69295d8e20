/**
 * LMDB: delivery to another process, and what that costs while nothing comes. Each message waits for the disk, whose longest syncs
 * differ from minute to minute: rounds, beside LMDB without us, and the median of each figure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { now, paced, percentile, RETENTION, stamped, startMember } from "./engines.mjs";

const ROUNDS = 5;
const PER_SECOND = 200;
const SECONDS = 6;

export async function measureLmdb(print) {
  const path = mkdtempSync(join(tmpdir(), "tidings-bench-lmdb-"));
  const env = open({ path, overlappingSync: false, eventTurnBatching: false });
  const log = lmdbLog(env);
  await log.open({ retention: RETENTION, onTail() {} });
  const bare = env.openDB({ name: "bare", encoding: "binary", keyEncoding: "uint32" });
  const member = await startMember({ kind: "lmdb", path, topics: ["a"] });
  await paced(PER_SECOND, 1, () => void log.append([stamped("a")]));
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const writes = await measureWrites(bare);
    rounds.push({ ...writes, ...(await measureDelivery(log, member)) });
  }
  await member.ask("reset");
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { cpuShare } = await member.ask("reset");
  print(
    `LMDB, delivery to another process at ${PER_SECOND} a second, commit included: medians of ${ROUNDS} rounds`,
    {
      ...Object.fromEntries(
        Object.keys(rounds[0]).map((name) => [
          name,
          percentile(
            rounds.map((round) => round[name]),
            0.5,
          ),
        ]),
      ),
      "idle, share of a core": cpuShare,
    },
  );
  await member.stop();
  await log.close();
  await env.close();
  rmSync(path, { recursive: true });
}

/** LMDB alone: a message of the same size in a transaction of its own, on the disk. */
async function measureWrites(database) {
  const tookMs = [];
  const body = Buffer.alloc(200);
  const writes = [];
  await paced(PER_SECOND, SECONDS, (n) => {
    const startMs = now();
    writes.push(database.put(n, body).then(() => tookMs.push(now() - startMs)));
  });
  await Promise.all(writes);
  return { "put of LMDB p50 ms": percentile(tookMs, 0.5), "put of LMDB p99 ms": percentile(tookMs, 0.99) };
}

async function measureDelivery(log, member) {
  await member.ask("reset");
  /** How long each took, by its stamp. */
  const appends = new Map();
  await paced(PER_SECOND, SECONDS, () => {
    const draft = stamped("a");
    const stamp = Number(draft.body.toString());
    void log.append([draft]).then(() => appends.set(stamp, now() - stamp));
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { stamps, delays } = await member.ask("each");
  // Message by message: percentiles of the one less those of the other would compare different messages.
  const afterwards = delays
    .map((delay, n) => delay - appends.get(stamps[n]))
    .filter((delay) => !Number.isNaN(delay));
  const { p50, p99, messages } = await member.ask("reset");
  return {
    messages,
    "append p50 ms": percentile([...appends.values()], 0.5),
    "append p99 ms": percentile([...appends.values()], 0.99),
    "delivery p50 ms": p50,
    "delivery p99 ms": p99,
    "delivery after its append p50 ms": percentile(afterwards, 0.5),
    "delivery after its append p99 ms": percentile(afterwards, 0.99),
  };
}
