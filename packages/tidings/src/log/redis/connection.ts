/**
 * The clients of Redis that are known.
 */
import { fromIoredis, type IoredisClient } from "./ioredis.ts";
import { fromNodeRedis, type NodeRedisClient } from "./node-redis.ts";
import type { RedisConnection } from "./link.ts";

/** A client that the application made: of `redis` (node-redis), `ioredis` or `iovalkey`. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** @throws {TypeError} If it is none of the clients that are known. */
export function connectionOf(client: RedisClient): RedisConnection {
  if (typeof (client as Partial<IoredisClient>)?.callBuffer === "function") {
    const connection = fromIoredis(client as IoredisClient);
    if (connection.isClosed()) {
      throw new TypeError("Cannot make log: the Redis client is closed, expected one that connects");
    }
    return connection;
  }
  if (typeof (client as Partial<NodeRedisClient>)?.sendCommand === "function") {
    const nodeRedis = client as NodeRedisClient;
    if (!nodeRedis.isOpen) {
      throw new TypeError(
        "Cannot make log: the Redis client is not open, expected await client.connect() first",
      );
    }
    return fromNodeRedis(nodeRedis);
  }
  throw new TypeError(
    "Cannot make log: the client is unknown, expected one of redis (node-redis), ioredis or iovalkey",
  );
}
