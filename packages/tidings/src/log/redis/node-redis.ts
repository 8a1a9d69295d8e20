/** The `redis` package (node-redis), version 5 and later. */
import { asError, unawaited } from "../../guard/as-error.ts";
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import type { Argument, RedisConnection, RedisSubscriber, SubscriberEvents } from "./link.ts";

/** What is used of its client. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  sendCommand(command: readonly Argument[], options?: object): Promise<unknown>;
  duplicate(): unknown;
  on?(event: string, listener: (error: unknown) => void): unknown;
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
/**
 * The client gives each command a signal that drops it where it is not sent in time, which costs more than the command. What is
 * sent at once does without; how long a reply may take is known here (steps.ts).
 */
const AT_ONCE = { ...BINARY, timeout: 0 };

const guarded = new WeakSet<NodeRedisClient>();

export function fromNodeRedis(client: NodeRedisClient): RedisConnection {
  // A lost connection, which the client makes again, is no reason to end the process: it would, where nobody listens.
  if (!guarded.has(client)) {
    guarded.add(client);
    tell(ignore, () => client.on?.("error", ignore));
  }
  return {
    // What was sent is rejected.
    lost: () => 0,
    isClosed: () => !client.isOpen,
    send: (command) => client.sendCommand(command, client.isReady === true ? AT_ONCE : BINARY),
    subscriber: (events) => subscribe(() => client.duplicate() as Subscribing, events),
  };
}

/** Between one connection and the next. */
const RETRY_MS = [20, 500] as const;

/**
 * Each connection has a client of its own. One that connects again by itself would subscribe to all channels before it is ready,
 * and with more than some hundreds of them it never is: it stops writing when the socket is full, and goes on only once ready.
 */
function subscribe(make: () => Subscribing, { onMessage, onDown, onUp }: SubscriberEvents): RedisSubscriber {
  let isOver = false;
  let waitMs: number = RETRY_MS[0];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current: Subscribing | undefined;
  let isReady = false;
  /** Called when the next connection is ready, or there will be none: until then, what is asked for waits. */
  const waiting: (() => void)[] = [];
  open();

  function open(): void {
    let client: Subscribing | undefined;
    let isDown = false;
    const down = (error: unknown): void => {
      if (isDown || isOver) return;
      isDown = true;
      isReady = false;
      destroy(client);
      onDown(asError(error));
      timer = setTimeout(open, waitMs);
      timer.unref?.();
      waitMs = Math.min(waitMs * 2, RETRY_MS[1]);
    };
    const up = (): void => {
      // Closed before it had a socket: then it connects all the same.
      if (isDown || isOver) return destroy(client);
      [waitMs] = RETRY_MS;
      isReady = true;
      onUp();
      for (const resolve of waiting.splice(0)) resolve();
    };
    try {
      current = client = unawaited(make());
      unawaited(client.on("error", down));
      unawaited(client.on("ready", up));
      void unawaited(client.connect(), down);
    } catch (error) {
      down(error);
    }
  }

  async function ready(): Promise<Subscribing> {
    while (!isReady && !isOver) await new Promise<void>((resolve) => void waiting.push(resolve));
    if (isOver) throw new Error("The connection to Redis is closed");
    return current!;
  }

  return {
    subscribe: async (channels) => (await ready()).sSubscribe([...channels], onMessage, true),
    // A connection that is not there has subscribed to nothing.
    unsubscribe: async (channels) =>
      isReady ? current!.sUnsubscribe([...channels], onMessage, true) : undefined,
    ping: async () => (await ready()).ping(),
    close: () => {
      isOver = true;
      clearTimeout(timer);
      destroy(current);
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

function destroy(client: Subscribing | undefined): void {
  // It may have been closed already.
  tell(ignore, () => client?.destroy());
}
