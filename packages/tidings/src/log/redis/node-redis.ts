/** The `redis` package (node-redis), version 5 and later. */
import type { Argument, RedisConnection, RedisSubscriber, SubscriberEvents } from "./link.ts";

/** What is used of its client. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(command: readonly Argument[], options?: object): Promise<unknown>;
  duplicate(): unknown;
}

interface Subscribing extends NodeRedisClient {
  connect(): Promise<unknown>;
  destroy(): void;
  ping(): Promise<unknown>;
  on(event: string, listener: (error: unknown) => void): unknown;
  sSubscribe(channels: string[], listener: (message: Buffer) => void, bufferMode: true): Promise<unknown>;
  sUnsubscribe(channels: string[], listener: (message: Buffer) => void, bufferMode: true): Promise<unknown>;
}

/** Its number for what is binary. */
const BLOB_STRING = 36;
const BINARY = { typeMapping: { [BLOB_STRING]: Buffer } };

export function fromNodeRedis(client: NodeRedisClient): RedisConnection {
  return {
    send: (command) => client.sendCommand(command, BINARY),
    subscriber: (events) => subscribe(client.duplicate() as Subscribing, events),
  };
}

function subscribe(client: Subscribing, { onMessage, onDown, onUp }: SubscriberEvents): RedisSubscriber {
  client.on("error", onDown);
  client.on("ready", onUp);
  // Each failure to connect is told by `error` as well.
  client.connect().catch(onDown);
  return {
    subscribe: (channels) => client.sSubscribe([...channels], onMessage, true),
    unsubscribe: (channels) => client.sUnsubscribe([...channels], onMessage, true),
    ping: () => client.ping(),
    close: () => {
      try {
        client.destroy();
      } catch {
        // It was closed already.
      }
    },
  };
}
