/**
 * The consumer that delivers to the tail. Another one is asked for where the first says nothing: it may have been given to a server
 * that is gone. The first of them that says something is chosen, and the others are left.
 */
import { randomEpoch } from "../cursor.ts";
import { LogError } from "../log.ts";
import type { Api } from "./api.ts";
import type { NatsConnection, NatsMessage, NatsSubscription } from "./connection.ts";

export interface ConsumerOptions {
  readonly connection: NatsConnection;
  readonly api: Api;
  /** Of the stream. */
  readonly name: string;
  /** What inboxes begin with. */
  readonly inbox: string;
  /** The time of the server, whenever something tells it. */
  readonly onTime: (atMs: number, askedMs: number) => void;
  /** The server lets nobody listen where it is to deliver to. */
  readonly onDeaf: (error: Error) => void;
  /** What the chosen one delivers. */
  readonly onMessage: (consumer: Consumer, message: NatsMessage) => void;
}

export interface Consumer {
  readonly subscription: NatsSubscription;
  name: string | undefined;
  /** Messages that it delivered. */
  count: number;
  /** What the server waits for before it delivers more, and since when that was said to it. */
  stalled: { readonly subject: string; readonly sinceMs: number } | undefined;
}

interface Made {
  readonly name: string;
  readonly created: string;
  readonly config: { readonly deliver_subject: string };
}

/** A consumer that has nothing to deliver says so that often. */
const HEARTBEAT_MS = 1_000;

export class ConsumerChoice {
  readonly #options: ConsumerOptions;
  #chosen: Consumer | undefined;
  /** Asked for, by the subject that each delivers to. The first of them that says something is the one. */
  readonly #candidates = new Map<string, Consumer>();

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  get chosen(): Consumer | undefined {
    return this.#chosen;
  }

  /**
   * Makes one. Resolves when it is there.
   * @param from - The offset that it begins with, whenever one is asked for.
   */
  async make(from: () => number, isCurrent: () => boolean): Promise<void> {
    const { api, name, onTime } = this.#options;
    const question = (): object => {
      if (!isCurrent() || this.#chosen !== undefined) {
        throw new LogError("failed", "Cannot follow log: no other consumer is needed");
      }
      return {
        stream_name: name,
        config: {
          deliver_subject: this.#addCandidate(isCurrent),
          deliver_policy: "by_start_sequence",
          opt_start_seq: from(),
          ack_policy: "none",
          max_deliver: 1,
          flow_control: true,
          idle_heartbeat: HEARTBEAT_MS * 1e6,
          mem_storage: true,
          num_replicas: 1,
        },
      };
    };
    const made = ({ name: madeName, config }: Made): void => {
      const one = this.#candidates.get(config.deliver_subject);
      if (isCurrent() && one !== undefined) this.#choose(one);
      if (one !== undefined && one === this.#chosen) one.name = madeName;
      else if (this.#chosen?.name !== madeName) this.#remove(madeName);
    };
    try {
      const created = await api.ask<Made>("follow", `CONSUMER.CREATE.${name}`, question, { onLate: made });
      onTime(Date.parse(created.created), created.askedMs);
      made(created);
    } catch (error) {
      // It may deliver before it is said to be there, and that may be lost.
      if (!isCurrent() || this.#chosen === undefined) throw error;
    }
  }

  /** Leaves all of them. */
  drop(): void {
    const consumer = this.#chosen;
    this.#chosen = undefined;
    // One that nobody subscribes to goes by itself.
    for (const one of this.#candidates.values()) if (one !== consumer) unsubscribe(one);
    this.#candidates.clear();
    if (consumer === undefined) return;
    unsubscribe(consumer);
    if (consumer.name !== undefined) this.#remove(consumer.name);
  }

  /** @returns The subject that it is to deliver to. */
  #addCandidate(isCurrent: () => boolean): string {
    const subject = `${this.#options.inbox}.${randomEpoch()}`;
    const candidate: Consumer = {
      subscription: this.#options.connection.subscribe(subject, {
        callback: (error, message) => {
          if (!isCurrent()) return;
          if (error !== null) return this.#options.onDeaf(error);
          this.#choose(candidate);
          if (candidate === this.#chosen) this.#options.onMessage(candidate, message);
        },
      }),
      name: undefined,
      count: 0,
      stalled: undefined,
    };
    this.#candidates.set(subject, candidate);
    return subject;
  }

  #choose(candidate: Consumer): void {
    if (this.#chosen !== undefined) return;
    this.#chosen = candidate;
    for (const [subject, one] of this.#candidates) {
      if (one === candidate) continue;
      unsubscribe(one);
      this.#candidates.delete(subject);
    }
  }

  #remove(consumer: string): void {
    const { api, name } = this.#options;
    api.tell(`CONSUMER.DELETE.${name}.${consumer}`);
  }
}

function unsubscribe({ subscription }: Consumer): void {
  try {
    subscription.unsubscribe();
  } catch {
    // The connection is closed.
  }
}
