/**
 * What time it is at a server before 2.10, which does not say it with the state of a stream, but only of what it makes. Who makes
 * consumers may be elected seconds later than the leader of the stream; but that one tells all that it was elected.
 */
import type { ServerClock } from "../time/server-clock.ts";
import type { Api } from "./api.ts";
import type { NatsConnection, NatsMessage, NatsSubscription } from "./connection.ts";

export interface AskedTimeOptions {
  readonly connection: NatsConnection;
  readonly api: Api;
  /** Of the stream. */
  readonly name: string;
  readonly clock: ServerClock;
  /** Whether the server says it with the state of the stream. */
  readonly isTold: () => boolean;
}

/** What a server tells all is under way for that long at most, about. */
const MOST_UNDER_WAY_MS = 3_000;

export class AskedTime {
  readonly #options: AskedTimeOptions;
  #elections: NatsSubscription | undefined;
  /** When a leader of the stream said last that it was elected, by the monotonic clock. */
  #electedMs = -Infinity;

  constructor(options: AskedTimeOptions) {
    this.#options = options;
  }

  /** Hears what leaders of the stream say, from now on. */
  hear(): void {
    const { connection, name, clock, isTold } = this.#options;
    if (isTold()) return;
    this.#elections = connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${name}`, {
      callback: (error, message) => {
        const atMs = error === null ? electedAt(message) : Number.NaN;
        if (!Number.isFinite(atMs)) return;
        this.#electedMs = performance.now();
        clock.told(atMs, this.#electedMs - MOST_UNDER_WAY_MS);
      },
    });
  }

  /** @param sinceMs - What a leader said after that is as good, by the monotonic clock. Default: nothing is. */
  async ask(what: string, sinceMs: number = Infinity): Promise<void> {
    if (this.#options.isTold() || this.#electedMs >= sinceMs) return;
    const { api, name: stream, clock } = this.#options;
    const remove = (name: string): void => api.tell(`CONSUMER.DELETE.${stream}.${name}`);
    const question = {
      stream_name: stream,
      config: {
        deliver_policy: "new",
        ack_policy: "none",
        max_deliver: 1,
        mem_storage: true,
        num_replicas: 1,
      },
    };
    const { created, name, askedMs } = await api.ask<{ name: string; created: string }>(
      what,
      `CONSUMER.CREATE.${stream}`,
      question,
      { onLate: (late) => remove(late.name) },
    );
    remove(name);
    clock.told(Date.parse(created), askedMs);
  }

  close(): void {
    try {
      this.#elections?.unsubscribe();
    } catch {
      // The connection is closed.
    }
  }
}

/** @returns By the clock of the server that was elected. */
function electedAt({ data }: NatsMessage): number {
  try {
    return Date.parse((JSON.parse(new TextDecoder().decode(data)) as { timestamp: string }).timestamp);
  } catch {
    return Number.NaN;
  }
}
