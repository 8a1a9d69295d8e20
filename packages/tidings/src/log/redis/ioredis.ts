/** The `ioredis` and `iovalkey` packages. */
import { unawaited } from "../../guard/as-error.ts";
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import type { Argument, RedisConnection, RedisSubscriber, SubscriberEvents } from "./link.ts";

/** What is used of their clients. */
export interface IoredisClient {
  readonly status?: string;
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
  duplicate(override?: object): unknown;
}

/** What all of them have, though the types of some leave it out. */
interface Evaluating {
  evalBuffer(...args: Argument[]): Promise<unknown>;
  evalshaBuffer(...args: Argument[]): Promise<unknown>;
}

interface Subscribing extends IoredisClient {
  disconnect(): void;
  ping(): Promise<unknown>;
  on(event: string, listener: (...values: never[]) => void): unknown;
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
}

/** Of each client: how often its connection was lost. */
const losses = new WeakMap<IoredisClient, number>();

export function fromIoredis(client: IoredisClient): RedisConnection {
  const evaluating = client as unknown as Evaluating;
  if (!losses.has(client)) {
    losses.set(client, 0);
    (client as Subscribing).on("close", () => losses.set(client, losses.get(client)! + 1));
  }
  return {
    lost: () => losses.get(client)!,
    isClosed: () => client.status === "end",
    // By methods of their own: with `enableAutoPipelining`, `callBuffer` loses the name of the command.
    send: async ([name, ...args]) =>
      withNumbers(
        await (name === "EVALSHA" ? evaluating.evalshaBuffer(...args) : evaluating.evalBuffer(...args)),
      ),
    subscriber: (events) => subscribe(unawaited(client.duplicate(OWN)) as Subscribing, events),
  };
}

/** With `stringNumbers`, its integers come as text. What a script of ours replies as text comes as a Buffer. */
function withNumbers(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  return reply.map((value: unknown) => (typeof value === "string" ? Number(value) : value));
}

const RETRY_MS = [50, 2_000] as const;

/** Of the connection of the tail. */
const OWN = {
  lazyConnect: false,
  // What is followed before the connection is there waits for it.
  enableOfflineQueue: true,
  // `ping` and what is subscribed to keep their order.
  enableAutoPipelining: false,
  // A limit of attempts would reject what has to wait for the connection.
  maxRetriesPerRequest: null,
  // The tail has time limits of its own: this one would reject what waits for the connection as well.
  commandTimeout: undefined,
  // The application's may give up, and it would be over with the tail.
  retryStrategy: retryAfter,
  sentinelRetryStrategy: retryAfter,
  // One that is silent would hold the tail until a connection is given up that has come no further than to it.
  sentinelCommandTimeout: 3_000,
  // The tail does that, and hears of it when it fails: what the client subscribes to itself would be rejected with nobody to know.
  autoResubscribe: false,
};

function retryAfter(times: number): number {
  return Math.min(times * RETRY_MS[0], RETRY_MS[1]);
}

function subscribe(client: Subscribing, events: SubscriberEvents): RedisSubscriber {
  const { onMessage, onDown, onProgress, onUp } = events;
  unawaited(client.on("error", onDown));
  unawaited(client.on("sentinelError", onProgress));
  unawaited(client.on("close", () => onDown(new Error("The connection to Redis was closed"))));
  unawaited(client.on("ready", onUp));
  unawaited(client.on("smessageBuffer", (_: Buffer, message: Buffer) => onMessage(message)));
  return {
    subscribe: (channels) => client.ssubscribe(...channels),
    unsubscribe: (channels) => client.sunsubscribe(...channels),
    ping: () => client.ping(),
    close: () => tell(ignore, () => client.disconnect()),
  };
}
