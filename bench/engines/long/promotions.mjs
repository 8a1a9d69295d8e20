/**
 * Twenty failovers by promotion of a replica that lags: no offset is acknowledged for two messages, and every reader is told of the
 * loss.
 */
import { postgresLog } from "tidings/log/postgres";
import { freePort } from "../../../test/support/free-port.mjs";
import { Pool, RETENTION } from "../engines.mjs";
import { startPostgres } from "../postgres-server.mjs";
import { Ledger, openWithTail, until } from "./ledger.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const FAILOVERS = 20;

export async function measurePromotions(print) {
  let primary = await startPostgres();
  const board = await openSwitchboard(primary.options.port);
  const opened = await Promise.all(Array.from({ length: 2 }, () => openLog(primary, board)));
  const ledger = new Ledger();
  for (let round = 0; round < FAILOVERS; round += 1) {
    const toReplica = await openSwitchboard(primary.options.port);
    const replica = await primary.replica(toReplica.port);
    const last = (await ledger.append(opened[round % 2], 50)).at(-1);
    await until(async () => {
      const [row] = await replica.sql("SELECT head FROM tidings_log ORDER BY n DESC LIMIT 1");
      return Number(row?.head) >= last;
    });
    // From here the replica hears nothing.
    toReplica.lead(await freePort());
    toReplica.cut();
    const gone = await ledger.appendLost(opened[round % 2], 20);
    const tails = opened.map(({ tail }) => tail);
    const jumps = tails.map((tail) => tail.jumps);
    board.lead(replica.options.port);
    await primary.stop();
    board.cut();
    await replica.sql("SELECT pg_promote()");
    // The process that did not append what was acknowledged appends first.
    const [next] = await ledger.append(opened[(round + 1) % 2], 5);
    await ledger.readAfter(gone, opened, ({ lostThrough }) => lostThrough >= next - 1);
    await ledger.hear(tails, jumps, next);
    toReplica.close();
    primary = replica;
  }
  print("failovers of Postgres by promotion of a replica that lags", ledger.figures(FAILOVERS, "Postgres"));
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
  return { pool, log, tail: await openWithTail(log, { ...RETENTION, messages: 100_000 }) };
}
