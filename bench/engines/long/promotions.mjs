/**
 * Twenty failovers by promotion of a replica that lags: no offset is acknowledged for two messages, and every reader is told of the
 * loss.
 */
import { postgresLog } from "tidings/log/postgres";
import { freePort, Pool, RETENTION } from "../engines.mjs";
import { startPostgres } from "../postgres-server.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const FAILOVERS = 20;
const READERS = 10;

export async function measurePromotions(print) {
  let primary = await startPostgres();
  const board = await openSwitchboard(primary.options.port);
  const opened = await Promise.all(Array.from({ length: 2 }, () => openLog(primary, board)));
  const acknowledged = new Map();
  let [twice, lost, untold, silent, number] = [0, 0, 0, 0, 0];
  const append = async ({ log }, count) => {
    const offsets = [];
    for (let n = 0; n < count; n += 1) {
      const text = `${(number += 1)}`;
      const { first } = await log.append([{ topic: "a", body: Buffer.from(text) }]);
      if (acknowledged.has(first)) twice += 1;
      acknowledged.set(first, text);
      offsets.push(first);
    }
    return offsets;
  };
  for (let round = 0; round < FAILOVERS; round += 1) {
    const toReplica = await openSwitchboard(primary.options.port);
    const replica = await primary.replica(toReplica.port);
    const last = (await append(opened[round % 2], 50)).at(-1);
    await until(async () => {
      const [row] = await replica.sql("SELECT head FROM tidings_log ORDER BY n DESC LIMIT 1");
      return Number(row?.head) >= last;
    });
    // From here the replica hears nothing.
    toReplica.lead(await freePort());
    toReplica.cut();
    const gone = await append(opened[round % 2], 20);
    lost += gone.length;
    const jumps = opened.map(({ tail }) => tail.jumps);
    board.lead(replica.options.port);
    await primary.stop();
    board.cut();
    await replica.sql("SELECT pg_promote()");
    // The process that did not append what was acknowledged appends first.
    const [next] = await append(opened[(round + 1) % 2], 5);
    for (let reader = 0; reader < READERS; reader += 1) {
      // Readers stand at each of what was lost, and before.
      const after = gone[reader % gone.length] - (reader % 2);
      const topics = { exact: ["a"], matches: () => true };
      const { lostThrough } = await opened[reader % 2].log.read({
        topics,
        after,
        maxMessages: 9,
        maxBytes: 999,
      });
      if (lostThrough < next - 1) untold += 1;
    }
    // Those whose streams are open hear of it by the tail.
    await until(() => opened.every(({ tail }) => tail.through >= next));
    silent += opened.filter(({ tail }, i) => tail.jumps === jumps[i]).length;
    toReplica.close();
    primary = replica;
  }
  print("failovers of Postgres by promotion of a replica that lags", {
    failovers: FAILOVERS,
    acknowledged: acknowledged.size,
    "of these lost by Postgres": lost,
    "offsets acknowledged twice": twice,
    "readers that were not told": untold,
    "tails that were not told": silent,
  });
  for (const { log, pool } of opened) {
    await log.close();
    await pool.end();
  }
  board.close();
  await primary.stop();
}

async function openLog({ options }, { port }) {
  const pool = new Pool({ ...options, port });
  const log = postgresLog(pool, { deadlineMs: 60_000 });
  const tail = { through: 0, jumps: 0 };
  await log.open({
    retention: { ...RETENTION, messages: 100_000 },
    onTail: ({ after, through }) => {
      if (after > tail.through) tail.jumps += 1;
      tail.through = through;
    },
    onError() {},
  });
  await log.follow("all");
  return { pool, log, tail };
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
