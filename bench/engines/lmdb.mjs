/** LMDB: delivery to another process, and what that costs while nothing comes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { now, paced, percentile, RETENTION, stamped, startMember } from "./engines.mjs";

export async function measureLmdb(print) {
  const path = mkdtempSync(join(tmpdir(), "tidings-bench-lmdb-"));
  const env = open({ path, overlappingSync: false, eventTurnBatching: false });
  const log = lmdbLog(env);
  await log.open({ retention: RETENTION, onTail() {} });
  const member = await startMember({ kind: "lmdb", path, topics: ["a"] });
  await paced(200, 1, () => void log.append([stamped("a")]));
  await member.ask("reset");
  /** How long each took, by its stamp. */
  const appends = new Map();
  await paced(200, 8, () => {
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
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { cpuShare } = await member.ask("reset");
  print("LMDB, delivery to another process at 200 a second (append and commit included)", {
    messages,
    "append p50 ms": percentile([...appends.values()], 0.5),
    "append p99 ms": percentile([...appends.values()], 0.99),
    "delivery p50 ms": p50,
    "delivery p99 ms": p99,
    "delivery after its append p50 ms": percentile(afterwards, 0.5),
    "delivery after its append p99 ms": percentile(afterwards, 0.99),
    "idle, share of a core": cpuShare,
  });
  await member.stop();
  await log.close();
  await env.close();
  rmSync(path, { recursive: true });
}
