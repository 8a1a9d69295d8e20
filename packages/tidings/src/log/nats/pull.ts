/** Many messages of a stream at once, by a consumer that is made for it and removed behind it. */
import { randomEpoch } from "../cursor.ts";
import { LogError } from "../log.ts";
import type { Api } from "./api.ts";
import type { NatsConnection, NatsMessage } from "./connection.ts";
import { deliveryOf, type Delivery } from "./frames.ts";

export interface PullOptions {
  readonly connection: NatsConnection;
  readonly api: Api;
  readonly apiPrefix: string;
  /** Of the stream. */
  readonly name: string;
  readonly inbox: string;
  /** Until when it may be tried, by the monotonic clock. */
  readonly endsMs: number;
}

export interface PullRequest {
  readonly from: number;
  readonly filter: string;
  readonly most: number;
  /** Without the bodies, but with their sizes. */
  readonly headersOnly?: boolean;
  /** @returns Whether that is enough. */
  readonly take: (message: NatsMessage, delivery: Delivery) => boolean;
}

/** A consumer that delivers nothing for so long is given up. */
const SILENCE_MS = 2_000;

/** It may end before `most`, and before the end: what comes behind the last one is asked for again. */
export async function pull(options: PullOptions, { most, take, ...request }: PullRequest): Promise<void> {
  const { connection, api, apiPrefix, name, inbox, endsMs } = options;
  const { consumer } = await createConsumer(options, request);
  let count = 0;
  let stop: (() => void) | undefined;
  const subject = `${inbox}.${randomEpoch()}`;
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => {
      const delivery = error === null ? deliveryOf(message.reply) : undefined;
      // One may have been lost on the way.
      if (delivery?.count !== count + 1) return stop?.();
      count += 1;
      if (take(message, delivery) || count >= most || delivery.pending === 0) stop?.();
    },
  });
  const timer = setTimeout(() => stop?.(), Math.max(0, Math.min(SILENCE_MS, endsMs - performance.now())));
  try {
    const over = new Promise<void>((resolve) => (stop = resolve));
    connection.publish(
      `${apiPrefix}.CONSUMER.MSG.NEXT.${name}.${consumer}`,
      JSON.stringify({ batch: most, no_wait: true }),
      { reply: subject },
    );
    await over;
  } catch (cause) {
    throw new LogError("failed", `Cannot read log: ${(cause as Error).message}`, { cause });
  } finally {
    clearTimeout(timer);
    subscription.unsubscribe();
    api.tell(`CONSUMER.DELETE.${name}.${consumer}`);
  }
}

/** How many messages there are. */
export async function count(
  options: PullOptions,
  request: Pick<PullRequest, "from" | "filter">,
): Promise<number> {
  const { consumer, pending } = await createConsumer(options, request);
  options.api.tell(`CONSUMER.DELETE.${options.name}.${consumer}`);
  return pending;
}

async function createConsumer(
  { api, name, endsMs }: PullOptions,
  { from, filter, headersOnly = false }: Pick<PullRequest, "from" | "filter" | "headersOnly">,
): Promise<{ consumer: string; pending: number }> {
  const question = {
    stream_name: name,
    config: {
      deliver_policy: "by_start_sequence",
      opt_start_seq: from,
      filter_subject: filter,
      headers_only: headersOnly,
      ack_policy: "none",
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
    },
  };
  const subject = `CONSUMER.CREATE.${name}`;
  const created = await api.ask<{ name: string; num_pending: number }>("read", subject, question, {
    endsMs,
    onLate: (late) => api.tell(`CONSUMER.DELETE.${name}.${late.name}`),
  });
  return { consumer: created.name, pending: created.num_pending };
}
