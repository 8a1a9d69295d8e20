/** The `ioredis` and `iovalkey` packages. */
import type { Argument, RedisConnection, RedisSubscriber, SubscriberEvents } from "./link.ts";

/** What is used of their clients. */
export interface IoredisClient {
  readonly status?: string;
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
  duplicate(override?: object): unknown;
}

interface Subscribing extends IoredisClient {
  disconnect(): void;
  ping(): Promise<unknown>;
  on(event: string, listener: (...values: never[]) => void): unknown;
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
}

export function fromIoredis(client: IoredisClient): RedisConnection {
  return {
    isClosed: () => client.status === "end",
    send: ([name, ...args]) => client.callBuffer(name as string, ...args),
    // Its own limit of attempts would reject what has to wait for the connection.
    subscriber: (events) =>
      subscribe(client.duplicate({ maxRetriesPerRequest: null, lazyConnect: false }) as Subscribing, events),
  };
}

function subscribe(client: Subscribing, { onMessage, onDown, onUp }: SubscriberEvents): RedisSubscriber {
  client.on("error", onDown);
  client.on("close", () => onDown(new Error("The connection to Redis was closed")));
  client.on("ready", onUp);
  client.on("smessageBuffer", (_: Buffer, message: Buffer) => onMessage(message));
  return {
    subscribe: (channels) => client.ssubscribe(...channels),
    unsubscribe: (channels) => client.sunsubscribe(...channels),
    ping: () => client.ping(),
    close: () => client.disconnect(),
  };
}
