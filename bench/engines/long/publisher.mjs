/** The publishing process of a long run. */
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { CLIENTS, now } from "../engines.mjs";

const { port, topics, perSecond } = JSON.parse(process.argv[2]);
const client = await CLIENTS["node-redis"](port);
const hub = createHub({ log: redisLog(client), retention: { messages: 200_000, bytes: 2 ** 30 } });
const filler = "x".repeat(150);
let n = 0;
let timer;
const pending = new Set();

function publish() {
  const publishing = hub.publish(`t/${n % topics}`, {
    data: `${now()} ${Math.floor(n / topics)}\n${filler}`,
  });
  n += 1;
  pending.add(publishing);
  void publishing.finally(() => pending.delete(publishing));
}

process.on("message", (command) => void (command === "start" ? start() : finish()));
process.send("ready");

function start() {
  const startedMs = performance.now();
  timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * perSecond) / 1_000;
    while (n < due) publish();
  }, 5);
}

async function finish() {
  clearInterval(timer);
  while (n % topics !== 0) publish();
  await Promise.all(pending);
  process.send({ perTopic: n / topics });
  await hub.drain({ overMs: 0, graceMs: 1 });
  client.destroy();
  process.disconnect();
}
