/** Another process of a measurement: follows a log, or reads a stream of an engine by itself, and notes how late messages come. */
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { natsLog } from "tidings/log/nats";
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import {
  CLIENTS,
  connectToNats,
  createClient,
  jetstream,
  now,
  percentile,
  Pool,
  RETENTION,
} from "./engines.mjs";

const options = JSON.parse(process.argv[2]);
let delays = [];
/** What the messages say of when they were appended, in the order of `delays`. */
let stamps = [];
let cpu = process.cpuUsage();
let sinceMs = performance.now();

function note(body) {
  const stamp = Number(Buffer.from(body).toString());
  stamps.push(stamp);
  delays.push(now() - stamp);
}

async function follow(log, topics) {
  await log.open({
    retention: RETENTION,
    onTail: ({ entries }) => entries.forEach(({ body }) => note(body)),
  });
  await log.follow?.(topics);
}

if (options.kind === "lmdb") {
  const env = open({ path: options.path, overlappingSync: false, eventTurnBatching: false });
  await follow(lmdbLog(env, options.log), options.topics);
} else if (options.kind === "redis") {
  const client = await CLIENTS["node-redis"](options.port);
  for (const { name, topics } of options.logs) await follow(redisLog(client, { name }), topics);
} else if (options.kind === "postgres") {
  await follow(postgresLog(new Pool(options.options)), options.topics);
} else if (options.kind === "postgres-readers") {
  const hub = createHub({ log: postgresLog(new Pool(options.options)) });
  for (const topic of options.topics) {
    const { body } = await hub.respond(new Request("http://127.0.0.1/"), { topics: [topic] });
    void (async () => {
      // Each message has one.
      for await (const bytes of body) delays.push(...(Buffer.from(bytes).toString().match(/^id: /gm) ?? []));
    })();
  }
} else if (options.kind === "nats") {
  await follow(natsLog(await connectToNats(options.port)), options.topics);
} else if (options.kind === "nats-bare") {
  const consumer = await jetstream(await connectToNats(options.port)).consumers.get("bare", {
    deliver_policy: "new",
  });
  await consumer.consume({ callback: ({ data }) => note(data) });
} else if (options.kind === "xread") {
  const client = createClient({ url: `redis://127.0.0.1:${options.port}` });
  await client.connect();
  void (async () => {
    for (let id = "$"; ;) {
      const reply = await client.xRead({ key: "bare", id }, { BLOCK: 1_000, COUNT: 1_000 });
      for (const { message, id: next } of reply?.[0]?.messages ?? []) {
        note(message.body);
        id = next;
      }
    }
  })();
}

process.on("message", (command) => {
  if (command === "each") {
    process.send({ stamps, delays });
    return;
  }
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - sinceMs) / 1_000;
  process.send({
    messages: delays.length,
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
    cpuShare: (used.user + used.system) / 1e6 / seconds,
  });
  if (command !== "reset") return;
  delays = [];
  stamps = [];
  cpu = process.cpuUsage();
  sinceMs = performance.now();
});
process.send("ready");
