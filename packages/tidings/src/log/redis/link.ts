/**
 * What the log asks of a client of Redis, whichever it is.
 */

export type Argument = string | Buffer;

export interface RedisConnection {
  /** Runs a script: EVALSHA or EVAL. What is text in the reply is a Buffer, and what is an integer a number. */
  send(command: readonly Argument[]): Promise<unknown>;
  /** How often its connection was lost where the client then sends again what was not answered; else 0. */
  lost(): number;
  /** Whether the application has closed it for good. */
  isClosed(): boolean;
  /** Opens another connection, for the tail. */
  subscriber(events: SubscriberEvents): RedisSubscriber;
}

export interface SubscriberEvents {
  readonly onMessage: (payload: Buffer) => void;
  /** The connection is lost; the client connects again by itself. */
  readonly onDown: (error: unknown) => void;
  /** It is not there yet, and gets on: it tries another way. */
  readonly onProgress: () => void;
  /** It is there, for the first time or again, and what was subscribed is subscribed. */
  readonly onUp: () => void;
}

/** In the order of one connection: when `ping` resolves, everything that was published before has come. */
export interface RedisSubscriber {
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): void;
}
