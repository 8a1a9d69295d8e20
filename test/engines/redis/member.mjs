/** A process on a log in Redis; the argument is the port, the log's name, and the client: by default node-redis. */
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { redisLog } from "tidings/log/redis";

const CLIENTS = {
  "node-redis": async (port) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  },
  ioredis: (port) => new Redis(port, "127.0.0.1").on("error", () => undefined),
  iovalkey: (port) => new Valkey(port, "127.0.0.1").on("error", () => undefined),
};

export async function createLog(argument) {
  const [port, name, client = "node-redis"] = argument.split(" ");
  return redisLog(await CLIENTS[client](Number(port)), { name });
}
