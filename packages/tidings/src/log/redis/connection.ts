/**
 * The clients of Redis that are known.
 */
import { asError } from "../../guard/as-error.ts";
import { fromIoredis, type IoredisClient } from "./ioredis.ts";
import { fromNodeRedis, type NodeRedisClient } from "./node-redis.ts";
import type { RedisConnection, RedisSubscriber, SubscriberEvents } from "./link.ts";

/** A client that the application made: of `redis` (node-redis), `ioredis` or `iovalkey`. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** @throws {TypeError} If it is none of the clients that are known, or not of one server. */
export function connectionOf(client: RedisClient): RedisConnection {
  checkServer(client ?? {});
  if (typeof (client as Partial<IoredisClient>)?.callBuffer === "function") {
    const connection = fromIoredis(client as IoredisClient);
    if (connection.isClosed()) {
      throw new TypeError("Cannot make log: the Redis client is closed, expected one that connects");
    }
    return bounded(connection);
  }
  if (typeof (client as Partial<NodeRedisClient>)?.sendCommand === "function") {
    const nodeRedis = client as NodeRedisClient;
    if (!nodeRedis.isOpen) {
      throw new TypeError(
        "Cannot make log: the Redis client is not open, expected await client.connect() first",
      );
    }
    return bounded(fromNodeRedis(nodeRedis));
  }
  throw new TypeError(
    "Cannot make log: the client is unknown, expected one of redis (node-redis), ioredis or iovalkey",
  );
}

/**
 * A client that holds more bytes unanswered is given no more: over a network that is silent, each attempt adds to them, and none
 * leaves. What is itself larger is sent all the same, though something always waits.
 */
const MOST_UNANSWERED = 16 * 2 ** 20;

function bounded(connection: RedisConnection): RedisConnection {
  let unanswered = 0;
  return {
    ...connection,
    send: async (command) => {
      if (unanswered > MOST_UNANSWERED) throw new Error("too much waits for its answer");
      let bytes = 0;
      for (const { length } of command) bytes += length;
      unanswered += bytes;
      try {
        return await connection.send(command);
      } catch (error) {
        throw asError(error);
      } finally {
        unanswered -= bytes;
      }
    },
    subscriber: (events) => heldSubscriber(connection, events),
  };
}

/** One that throws nothing: where it cannot be made, it is silent, and the tail makes another. */
function heldSubscriber(connection: RedisConnection, events: SubscriberEvents): RedisSubscriber {
  const onDown = (error: unknown): void => events.onDown(asError(error));
  let subscriber: RedisSubscriber;
  try {
    subscriber = connection.subscriber({ ...events, onDown });
  } catch (error) {
    // The caller that opens it learns when they have it.
    queueMicrotask(() => onDown(error));
    const failed = (): Promise<never> => Promise.reject(asError(error));
    return { subscribe: failed, unsubscribe: failed, ping: failed, close: () => undefined };
  }
  const held = async (ask: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await ask();
    } catch (error) {
      throw asError(error);
    }
  };
  return {
    subscribe: (channels) => held(() => subscriber.subscribe(channels)),
    unsubscribe: (channels) => held(() => subscriber.unsubscribe(channels)),
    ping: () => held(() => subscriber.ping()),
    close: () => subscriber.close(),
  };
}

/** What clients have that are not of one server. */
interface OfMany {
  /** Of `Cluster` of ioredis and iovalkey. */
  readonly isCluster?: unknown;
  /** Of `createCluster()` of node-redis. */
  readonly getRandomNode?: unknown;
  /** Of `createSentinel()`. */
  readonly getSentinelNode?: unknown;
  readonly sendCommand?: unknown;
  /** Not of `createClientPool()` or `legacy()`. */
  readonly duplicate?: unknown;
}

function checkServer(client: OfMany): void {
  if (client.isCluster === true || typeof client.getRandomNode === "function") {
    throw new TypeError(
      "Cannot make log: the client is of a whole Redis Cluster, expected a client of the one server that has the slot of the log's name: CLUSTER KEYSLOT {name} says which",
    );
  }
  if (typeof client.getSentinelNode === "function") {
    throw new TypeError(
      "Cannot make log: the client is of createSentinel(), which has no connection of its own; expected new Redis({ sentinels, name }) of ioredis or iovalkey, or a client of an address that leads to the primary",
    );
  }
  if (typeof client.sendCommand === "function" && typeof client.duplicate !== "function") {
    throw new TypeError(
      "Cannot make log: the client is of createClientPool() or legacy(), expected one of createClient()",
    );
  }
}
