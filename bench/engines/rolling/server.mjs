/**
 * One of the servers of the rolling restart: streams of one topic each, over a log in Redis. SIGTERM, as a deployment sends
 * it, takes it out of the rotation, drains its hub, and ends it.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { CLIENTS } from "../engines.mjs";

const { port, redis, drain } = JSON.parse(process.argv[2]);
const client = await CLIENTS["node-redis"](redis);
const hub = createHub({ log: redisLog(client), retention: { messages: 100_000 } });

const server = createServer((request, response) => {
  const topic = new URL(request.url, "http://localhost").searchParams.get("topic");
  void hub.subscribe(request, response, { topics: [topic] });
}).listen(port, "127.0.0.1", 4_096);
await once(server, "listening");
process.send("ready");

process.once("SIGTERM", () => void leave());

async function leave() {
  // First, so that nginx sends nobody here any more: neither those who leave nor those who are new.
  server.close();
  await hub.drain(drain);
  client.destroy();
  process.disconnect();
}
