/** A process on a log in Redis; the argument is the port and the log's name. */
import { createClient } from "redis";
import { redisLog } from "tidings/log/redis";

export async function createLog(argument) {
  const [port, name] = argument.split(" ");
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => undefined);
  await client.connect();
  return redisLog(client, { name });
}
