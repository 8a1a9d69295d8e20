/** A process on a log in Redis behind a network that is cut. */
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { redisLog } from "tidings/log/redis";
import { appendAllTheTime } from "../support/writer.mjs";

const [name, host] = process.argv.slice(2);
const CLIENTS = {
  "node-redis": async () => {
    const client = createClient({
      url: `redis://${host}:6379`,
      pingInterval: 2_000,
      socket: { socketTimeout: 5_000 },
    });
    client.on("error", () => undefined);
    return client.connect();
  },
  ioredis: async () => new Redis({ host, port: 6379, socketTimeout: 5_000 }).on("error", () => undefined),
  iovalkey: async () => new Valkey({ host, port: 6379, socketTimeout: 5_000 }).on("error", () => undefined),
};
await appendAllTheTime(redisLog(await CLIENTS[name](), { name, deadlineMs: 5_000 }));
