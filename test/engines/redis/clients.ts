/** The clients that `redisLog` takes, each with the same server. */
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import type { RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";

export interface TestClient {
  readonly client: RedisClient;
  close(): void;
}

export const CLIENTS: Record<string, (port: number) => Promise<TestClient>> = {
  "node-redis": async (port) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    client.on("error", () => undefined);
    await client.connect();
    return { client: client as unknown as RedisClient, close: () => client.destroy() };
  },
  ioredis: async (port) => {
    const client = new Redis(port, "127.0.0.1");
    client.on("error", () => undefined);
    return { client: client as unknown as RedisClient, close: () => client.disconnect() };
  },
  iovalkey: async (port) => {
    const client = new Valkey(port, "127.0.0.1");
    client.on("error", () => undefined);
    return { client: client as unknown as RedisClient, close: () => client.disconnect() };
  },
};

/** A client whose duplicates connect elsewhere. */
export function withSubscriberAt(client: RedisClient, port: number): RedisClient {
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "duplicate") return value.bind(target) as unknown;
      return (override: object = {}) => {
        const elsewhere = { port, url: `redis://127.0.0.1:${port}`, socket: { host: "127.0.0.1", port } };
        return target instanceof Redis || "callBuffer" in target
          ? target.duplicate({ ...override, port })
          : (target.duplicate as (options: object) => unknown)(elsewhere);
      };
    },
  });
}
