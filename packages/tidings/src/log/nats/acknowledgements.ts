/**
 * What the stream answers to appends: one subscription, which the server may take away when permissions change, and which is made
 * again then.
 */
import type { NatsConnection, NatsMessage, NatsSubscription } from "./connection.ts";

export interface AcknowledgementsOptions {
  readonly connection: NatsConnection;
  /** The answer to what has this id comes to `<inbox>.<id>`. */
  readonly inbox: string;
  readonly onAnswer: (id: number, message: NatsMessage) => void;
  readonly onTrouble: (error: Error) => void;
}

/** After the server took its subscription away, it subscribes again. */
const DEAF_MS = 1_000;

export class Acknowledgements {
  readonly #options: AcknowledgementsOptions;
  #subscription: NatsSubscription | undefined;
  /** Since when no answer comes. */
  #deafMs: number | undefined;

  constructor(options: AcknowledgementsOptions) {
    this.#options = options;
    this.#listen();
  }

  /** Nothing is to be sent: nobody would hear what became of it. */
  get isDeaf(): boolean {
    return this.#deafMs !== undefined;
  }

  /** Called now and then: whether it may listen again is known by the next time. */
  tick(nowMs: number): void {
    if (this.#deafMs !== undefined && nowMs - this.#deafMs > DEAF_MS) this.#listen();
  }

  close(): void {
    try {
      this.#subscription?.unsubscribe();
    } catch {
      // The connection is closed.
    }
  }

  #listen(): void {
    const { connection, inbox, onAnswer, onTrouble } = this.#options;
    this.#deafMs = undefined;
    const callback = (error: Error | null, message: NatsMessage): void => {
      if (error === null) return onAnswer(Number(message.subject.slice(inbox.length + 1)), message);
      this.#deafMs = performance.now();
      onTrouble(error);
    };
    try {
      this.#subscription = connection.subscribe(`${inbox}.*`, { callback });
    } catch {
      // The connection is closed.
    }
  }
}
