/** Postgres: durable appends beside a bare insert of as many rows, while another process serves 100 readers; and delivery to that process. */
import { postgresLog } from "tidings/log/postgres";
import { now, paced, percentile, Pool, RETENTION, stamped, startMember } from "./engines.mjs";
import { startPostgres } from "./postgres-server.mjs";

const MESSAGES = 20_000;
const AT_ONCE = 1_000;
const GROUP = 500;
const TOPICS = Array.from({ length: 100 }, (_, n) => `topic/${n}`);

const MESSAGE = Buffer.from(`data: ${"x".repeat(192)}\n\n`);

export async function measurePostgres(print) {
  const server = await startPostgres();
  const pool = new Pool(server.options);
  const log = postgresLog(pool);
  await log.open({ retention: RETENTION, onTail() {} });
  await measureAppends(print, server, pool, log);
  await measureDelivery(print, server, log);
  await log.close();
  await pool.end();
  await server.stop();
}

async function measureAppends(print, server, pool, log) {
  await pool.query(
    "CREATE TABLE bare (id bigserial PRIMARY KEY, topic text, body bytea); CREATE INDEX ON bare (topic, id)",
  );
  const topicOf = (n) => TOPICS[n % TOPICS.length];
  const steps = {
    // Two of these are what 1,000 under way make of it.
    bare: () =>
      pool.query("INSERT INTO bare (topic, body) SELECT unnest($1::text[]), $2::bytea", [
        Array.from({ length: GROUP }, (_, n) => topicOf(n)),
        MESSAGE,
      ]),
    ours: (n) => log.append([{ topic: topicOf(n), body: MESSAGE }]),
  };
  const member = await startMember({ kind: "postgres-readers", options: server.options, topics: TOPICS });
  const rates = { bare: [], ours: [] };
  // Turn about, as the machine is not the same from one second to the next.
  for (let round = 0; round < 5; round += 1) {
    for (const [key, step] of Object.entries(steps)) {
      const startedMs = performance.now();
      const atOnce = key === "bare" ? AT_ONCE / GROUP : AT_ONCE;
      for (let n = 0; n < MESSAGES; n += AT_ONCE) {
        await Promise.all(Array.from({ length: atOnce }, (_, i) => step(n + i)));
      }
      if (round > 0) rates[key].push((MESSAGES * 1_000) / (performance.now() - startedMs));
    }
  }
  const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1];
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { messages } = await member.ask("reset");
  await member.stop();
  print("Postgres, durable appends, 1,000 under way, 100 readers in another process", {
    [`bare rows a second, ${GROUP} a statement`]: Math.round(median(rates.bare)),
    "append a second": Math.round(median(rates.ours)),
    ratio: median(rates.ours) / median(rates.bare),
    "delivered, of those appended": messages / (MESSAGES * 5),
  });
}

async function measureDelivery(print, server, log) {
  const member = await startMember({ kind: "postgres", options: server.options, topics: ["a"] });
  for (const perSecond of [200, 1_000]) {
    await paced(perSecond, 1, () => void log.append([stamped("a")]));
    await member.ask("reset");
    const commits = [];
    await paced(perSecond, 8, () => {
      const startedMs = now();
      void log.append([stamped("a")]).then(() => commits.push(now() - startedMs));
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { p50, p99, messages } = await member.ask("reset");
    print(`Postgres, delivery to another process at ${perSecond} a second (append and commit included)`, {
      messages,
      "append p50 ms": percentile(commits, 0.5),
      "append p99 ms": percentile(commits, 0.99),
      "delivery p50 ms": p50,
      "delivery p99 ms": p99,
      "p99, delivery less append, ms": p99 - percentile(commits, 0.99),
    });
  }
  await member.stop();
}
