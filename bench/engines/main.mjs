/**
 * `npm run bench engines [-- NAME…]`: logs in engines, each beside the engine without us, and long runs: the names are those of
 * `PARTS`. Needs `npm run build`, `npm ci` in test/engines, redis-server, nats-server, PostgreSQL and nginx.
 */
import { measureLmdb } from "./lmdb.mjs";
import { measureCutsOfNats, measureCutsOfPostgres, measureCutsOfRedis } from "./long/cuts.mjs";
import { measureFailovers } from "./long/failovers.mjs";
import { measureOutage } from "./long/outage.mjs";
import { measurePromotions } from "./long/promotions.mjs";
import { measureSteady } from "./long/steady.mjs";
import { measureNats } from "./nats.mjs";
import { measureProcesses } from "./processes.mjs";
import { measurePostgres } from "./postgres.mjs";
import { measureRedis } from "./redis.mjs";
import { measureRolling } from "./rolling.mjs";

const PARTS = {
  lmdb: measureLmdb,
  redis: measureRedis,
  nats: measureNats,
  postgres: measurePostgres,
  processes: measureProcesses,
  rolling: measureRolling,
  cuts: measureCutsOfRedis,
  failovers: measureFailovers,
  "postgres-cuts": measureCutsOfPostgres,
  "nats-cuts": measureCutsOfNats,
  promotions: measurePromotions,
  outage: measureOutage,
  steady: measureSteady,
};

export async function main(args) {
  for (const [name, measure] of Object.entries(PARTS)) {
    if (args.length === 0 || args.includes(name)) await measure(print);
  }
}

function print(title, figures) {
  process.stdout.write(`\n${title}\n`);
  for (const [name, value] of Object.entries(figures)) {
    const text = Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(3);
    process.stdout.write(`  ${name.padEnd(42)}${text.padStart(12)}\n`);
  }
}
