/**
 * The tail of the log in NATS: an ephemeral consumer that delivers everything, in order and counted, from where we are. What is
 * followed is handed on. When something is missing in the count, the consumer is silent, or the connection was lost, another
 * consumer begins behind what came last; what the stream does not have any more is said to be missing.
 */
import { randomEpoch } from "../cursor.ts";
import { tell, type Report } from "../../guard/foreign.ts";
import { FollowedTopics } from "../followed-topics.ts";
import { LogError, type Entry, type Followed, type LogPosition, type OpenLogOptions } from "../log.ts";
import { sleep, type Api } from "./api.ts";
import type { NatsConnection, NatsMessage, NatsSubscription } from "./connection.ts";
import { decodeEntry, deliveryOf, nanosecondsOf, topicOf } from "./frames.ts";
import { TAIL_MARGIN, type StreamState } from "./stream.ts";

export interface TailOptions {
  readonly connection: NatsConnection;
  readonly api: Api;
  /** Of the stream. */
  readonly name: string;
  /** What inboxes begin with. */
  readonly inbox: string;
  readonly position: LogPosition;
  /** Asks where the log is. It may call {@link NatsTail.reset}. */
  readonly state: () => Promise<StreamState>;
  /** What had this offset is another message now. */
  readonly onOther: () => Promise<unknown>;
  /** The time of the server, whenever something tells it. */
  readonly onTime: (atMs: number, askedMs: number) => void;
  readonly report: Report;
  readonly options: Pick<OpenLogOptions, "onTail" | "onReset" | "onState">;
}

/** Between looks whether the consumer is alive, and whether the log is still the same. */
const LOOK_MS = 1_000;
const HEARTBEAT_MS = 2_000;
/** A consumer that is silent for so long is given up, and another one made. */
const SILENCE_MS = 6_000;
const RETRY_MS = [50, 1_000] as const;

interface Consumer {
  readonly subscription: NatsSubscription;
  name: string | undefined;
  /** Messages that it delivered. */
  count: number;
}

export class NatsTail {
  readonly #options: TailOptions;
  readonly #followed = new FollowedTopics();
  /** Everything up to here came, or was said to be missing. */
  #at: number;
  /** When what has that offset was stored. */
  #atTime: string | undefined;
  /** What was handed on. */
  #through: number;
  /** Came, is followed, and was not handed on. */
  #held: Entry[] = [];
  #scheduled = false;
  #consumer: Consumer | undefined;
  #state: "starting" | "following" | "closed" = "starting";
  /** Until that offset came, it is catching up. */
  #target = 0;
  #heardMs = 0;
  #round = 0;
  #reported = false;
  #looking = false;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#at = this.#through = options.position.head;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
    void this.#start();
  }

  follow(topics: Followed): number {
    this.#followed.add(topics);
    return this.#at;
  }

  unfollow(topics: Followed): void {
    this.#followed.remove(topics);
  }

  /** The newest offset that is known to have been given. */
  get at(): number {
    return this.#at;
  }

  /** The connection is lost, or there again. */
  connected(yes: boolean): void {
    if (this.#state === "closed") return;
    if (yes) void this.#start();
    else this.#interrupted(new Error("the connection to NATS is lost"));
  }

  /** The log was replaced by another one. */
  reset(position: LogPosition): void {
    this.#flush();
    this.#at = this.#through = position.head;
    this.#atTime = undefined;
    tell(this.#options.report, this.#options.options.onReset, position);
    if (this.#state !== "closed") void this.#start();
  }

  close(): void {
    this.#state = "closed";
    this.#round += 1;
    clearInterval(this.#timer);
    this.#drop();
  }

  #interrupted(cause: Error): void {
    this.#drop();
    this.#state = "starting";
    this.#round += 1;
    if (this.#reported) return;
    this.#reported = true;
    const { report, options } = this.#options;
    tell(report, options.onState, "interrupted");
    report(new LogError("failed", `The tail of the log is interrupted: ${cause.message}`, { cause }));
  }

  #drop(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined) return;
    try {
      consumer.subscription.unsubscribe();
    } catch {
      // The connection is closed.
    }
    const { api, name } = this.#options;
    if (consumer.name !== undefined) api.tell(`CONSUMER.DELETE.${name}.${consumer.name}`);
  }

  /** Makes a consumer that begins where we are, again and again until there is one. */
  async #start(): Promise<void> {
    this.#drop();
    this.#state = "starting";
    this.#round += 1;
    const round = this.#round;
    const isCurrent = (): boolean => round === this.#round;
    for (let waitMs: number = RETRY_MS[0]; isCurrent(); waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      try {
        const { head, stored } = await this.#options.state();
        if (isCurrent()) await this.#verify(head);
        if (!isCurrent()) return;
        this.#flush();
        if (head - this.#at > TAIL_MARGIN) this.#skipTo(head);
        else if (stored - 1 > this.#at) this.#skipTo(stored - 1);
        this.#target = head;
        await this.#consume();
        if (!isCurrent()) return;
        this.#state = "following";
        this.#caughtUp();
        return;
      } catch (error) {
        if (!isCurrent()) return;
        this.#interrupted(error as Error);
        // It has begun another round, which is still this one.
        this.#round = round;
        await sleep(waitMs);
      }
    }
  }

  /** A stream that went back and on again has another message where we are. */
  async #verify(head: number): Promise<void> {
    if (this.#atTime === undefined || head < this.#at) return;
    const { api, name, onOther } = this.#options;
    const [at, time] = [this.#at, this.#atTime];
    const { message } = await api.ask<{ message?: { time: string } }>(
      "read",
      `STREAM.MSG.GET.${name}`,
      { seq: at },
      [404, 400],
    );
    if (message !== undefined && nanosecondsOf(message.time) !== time) await onOther();
  }

  async #consume(): Promise<void> {
    const { connection, api, name, inbox, onTime } = this.#options;
    const subject = `${inbox}.${randomEpoch()}`;
    const consumer: Consumer = {
      subscription: connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null && consumer === this.#consumer) this.#take(message);
        },
      }),
      name: undefined,
      count: 0,
    };
    this.#consumer = consumer;
    this.#heardMs = performance.now();
    const askedMs = performance.now();
    const created = await api.ask<{ name: string; created: string }>("follow", `CONSUMER.CREATE.${name}`, {
      stream_name: name,
      config: {
        deliver_subject: subject,
        deliver_policy: "by_start_sequence",
        opt_start_seq: this.#at + 1,
        ack_policy: "none",
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: HEARTBEAT_MS * 1e6,
        mem_storage: true,
        num_replicas: 1,
      },
    });
    onTime(Date.parse(created.created), askedMs);
    if (consumer === this.#consumer) consumer.name = created.name;
    else api.tell(`CONSUMER.DELETE.${name}.${created.name}`);
  }

  #take({ data, reply, headers }: NatsMessage): void {
    this.#heardMs = performance.now();
    const consumer = this.#consumer!;
    const delivery = deliveryOf(reply);
    if (delivery === undefined) {
      // What keeps the server from sending more than we take; and what says that it has nothing to send.
      const count = Number(headers?.get("Nats-Last-Consumer") || Number.NaN);
      if (reply !== undefined && reply !== "") this.#respond(reply);
      const stalled = headers?.get("Nats-Consumer-Stalled");
      if (stalled !== undefined && stalled !== "") this.#respond(stalled);
      if (count > consumer.count) void this.#start();
      return;
    }
    consumer.count += 1;
    if (delivery.count !== consumer.count) return void this.#start();
    const { offset } = delivery;
    // It comes from another server's copy, perhaps, that is behind.
    if (offset <= this.#at) return;
    if (offset > this.#at + 1) {
      this.#flush();
      this.#skipTo(offset - 1);
    }
    this.#at = offset;
    this.#atTime = delivery.time;
    try {
      const topic = topicOf(data);
      if (this.#followed.includes(topic)) {
        this.#held.push(decodeEntry(data, topic, offset, delivery.atMs));
      }
    } catch (error) {
      this.#options.report(error);
    }
    // It was stored a moment ago. The server's clock may have been set, or another server stores now, whose clock differs.
    if (offset > this.#target && delivery.pending === 0) {
      this.#options.onTime(delivery.atMs, performance.now());
    }
    if (this.#scheduled || (this.#held.length === 0 && offset < this.#target)) return;
    this.#scheduled = true;
    // What came in one piece of the connection is handed on together.
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#held.length > 0) this.#flush();
      this.#caughtUp();
    });
  }

  #respond(subject: string): void {
    try {
      this.#options.connection.publish(subject);
    } catch {
      // The connection is closed, which is heard of elsewhere.
    }
  }

  #flush(): void {
    if (this.#at <= this.#through) return;
    const entries = this.#held;
    this.#held = [];
    const after = this.#through;
    this.#through = this.#at;
    tell(this.#options.report, this.#options.options.onTail, { after, through: this.#at, entries });
  }

  /** Says that what lies between was not handed on: streams read the log themselves, and hear what it lost. */
  #skipTo(offset: number): void {
    this.#at = this.#through = offset;
    this.#atTime = undefined;
    tell(this.#options.report, this.#options.options.onTail, { after: offset, through: offset, entries: [] });
  }

  #caughtUp(): void {
    if (!this.#reported || this.#state !== "following" || this.#at < this.#target) return;
    this.#reported = false;
    this.#flush();
    tell(this.#options.report, this.#options.options.onState, "following");
  }

  /** Moves `through` on where nothing is followed, and finds consumers that are gone and logs that were replaced. */
  async #look(): Promise<void> {
    if (this.#state !== "following" || this.#looking) return;
    this.#looking = true;
    const round = this.#round;
    this.#flush();
    try {
      if (performance.now() - this.#heardMs > SILENCE_MS) {
        void this.#start();
        return;
      }
      await this.#options.state();
    } catch (error) {
      if (round === this.#round) {
        this.#interrupted(error as Error);
        void this.#start();
      }
    } finally {
      this.#looking = false;
    }
  }
}
