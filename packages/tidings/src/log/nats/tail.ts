/**
 * The tail of the log in NATS: an ephemeral consumer that delivers everything, in order and counted, from where we are. What is
 * followed is handed on. When something is missing in the count, the consumer is silent, or the connection was lost, another
 * consumer begins behind what came last; what the stream does not have any more is said to be missing.
 */
import { tell, type Report } from "../../guard/foreign.ts";
import { FollowedTopics } from "../followed-topics.ts";
import { LogError, type Entry, type Followed, type LogPosition, type OpenLogOptions } from "../log.ts";
import { sleep, type Api } from "./api.ts";
import type { NatsConnection, NatsMessage } from "./connection.ts";
import { ConsumerChoice, type Consumer } from "./consumer.ts";
import { decodeEntry, deliveryOf, millisecondsOf, nanosecondsOf, topicOf, type Delivery } from "./frames.ts";
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
  /** Whether it is a subject of the log. Others may have been added to the stream. */
  readonly isOurs: (subject: string) => boolean;
  /** What is wrong with where a message stands: readers do not find it. */
  readonly misplaced: (topic: string, subject: string) => LogError | undefined;
  /** What had this offset is another message now, or cannot be found. */
  readonly onOther: () => Promise<unknown>;
  /** The time of the server, whenever something tells it. */
  readonly onTime: (atMs: number, askedMs: number) => void;
  readonly report: Report;
  readonly options: Pick<OpenLogOptions, "onTail" | "onReset" | "onState">;
}

/** Between looks whether the consumer is alive, and whether the log is still the same. */
const LOOK_MS = 1_000;
/** After that, the server has not heard what it waits for before it delivers more. */
const UNHEARD_MS = 3_000;
/** A consumer that is silent for so long is given up, and another one made: before a cluster has elected another leader. */
const SILENCE_MS = 3_000;
/** What lies in the socket after a turn that was long is taken first. */
const GRACE_MS = 50;
const RETRY_MS = [50, 500] as const;
/** After the server took its subscription away, it subscribes again. */
const DEAF_MS = 1_000;
/** As long as there is no consumer after so long, messages are asked for one by one, so often, and so many at once. */
const ASK_MS = 200;
const MOST_ASKED = 32;

interface Stored {
  readonly message?: { readonly subject: string; readonly data?: string; readonly time: string };
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
  readonly #consumers: ConsumerChoice;
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
    this.#consumers = new ConsumerChoice({
      connection: options.connection,
      api: options.api,
      name: options.name,
      inbox: options.inbox,
      onTime: options.onTime,
      onDeaf: (error) => void this.#deaf(error),
      onMessage: (consumer, message) => this.#take(consumer, message),
    });
    this.#timer = setInterval(() => {
      void this.#listen();
      void this.#look();
    }, LOOK_MS);
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

  /** The connection is closed for good: nothing comes any more. */
  ended(): void {
    if (this.#state !== "closed") this.#interrupted(new Error("the connection to NATS is closed"));
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
    this.#consumers.drop();
  }

  #interrupted(cause: Error): void {
    this.#consumers.drop();
    this.#state = "starting";
    this.#round += 1;
    if (this.#reported) return;
    this.#reported = true;
    const { report, options } = this.#options;
    tell(report, options.onState, "interrupted");
    report(new LogError("failed", `The tail of the log is interrupted: ${cause.message}`, { cause }));
  }

  /** Whether it may listen again is not said: it tries, and hears of it before a consumer is made. */
  async #deaf(error: Error): Promise<void> {
    this.#interrupted(error);
    const round = this.#round;
    await sleep(DEAF_MS);
    if (round === this.#round) void this.#start();
  }

  /** Makes a consumer that begins where we are, again and again until there is one. */
  async #start(): Promise<void> {
    this.#consumers.drop();
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
        this.#heardMs = performance.now();
        // By then, some may have been asked for one by one.
        const consuming = this.#consumers.make(() => this.#at + 1, isCurrent);
        await Promise.all([consuming, this.#askUntil(consuming, isCurrent)]);
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
    const { message } = await api.ask<Stored>(
      "read",
      `STREAM.MSG.GET.${name}`,
      { seq: at },
      { accept: [404, 400] },
    );
    if (message !== undefined && nanosecondsOf(message.time) !== time) await onOther();
  }

  /**
   * Asks the stream itself until there is a consumer: who makes these may be elected seconds later than the leader of the stream,
   * which gives out what it has.
   */
  async #askUntil(consuming: Promise<void>, isCurrent: () => boolean): Promise<void> {
    let isOver = false;
    const over = consuming.then(
      () => void (isOver = true),
      () => void (isOver = true),
    );
    for (;;) {
      await Promise.race([over, sleep(ASK_MS)]);
      const isNeeded = (): boolean => !isOver && isCurrent() && this.#consumers.chosen === undefined;
      if (!isNeeded()) return;
      try {
        const { head } = await this.#options.state();
        while (isNeeded() && this.#at < head)
          await this.#askFor(Math.min(head, this.#at + MOST_ASKED), isNeeded);
      } catch {
        // Whether a consumer can be made is what counts.
      }
    }
  }

  async #askFor(through: number, isNeeded: () => boolean): Promise<void> {
    const { api, name } = this.#options;
    const subject = `STREAM.MSG.GET.${name}`;
    const from = this.#at + 1;
    const asked = Array.from({ length: through - from + 1 }, (_, n) =>
      api.ask<Stored>("follow", subject, { seq: from + n }, { accept: [404, 400] }),
    );
    for (const [n, { message }] of (await Promise.all(asked)).entries()) {
      if (!isNeeded()) break;
      const offset = from + n;
      if (message === undefined) {
        this.#flush();
        this.#skipTo(offset);
        continue;
      }
      const time = nanosecondsOf(message.time);
      const data = Buffer.from(message.data ?? "", "base64");
      this.#accept({ subject: message.subject, data }, { offset, time, atMs: millisecondsOf(time) });
    }
    this.#flush();
  }

  #take(consumer: Consumer, message: NatsMessage): void {
    const { reply, headers } = message;
    this.#heardMs = performance.now();
    const delivery = deliveryOf(reply);
    if (delivery === undefined) {
      // What keeps the server from sending more than we take; and what says that it has nothing to send.
      const count = Number(headers?.get("Nats-Last-Consumer") || Number.NaN);
      if (reply !== undefined && reply !== "") this.#respond(reply);
      const stalled = headers?.get("Nats-Consumer-Stalled");
      if (stalled !== undefined && stalled !== "") this.#unstall(consumer, stalled);
      if (count > consumer.count && consumer === this.#consumers.chosen) void this.#start();
      return;
    }
    consumer.stalled = undefined;
    consumer.count += 1;
    consumer.name ??= delivery.consumer;
    if (delivery.count !== consumer.count) return void this.#start();
    const { offset } = delivery;
    // It comes from another server's copy, perhaps, that is behind; or it was asked for meanwhile.
    if (offset <= this.#at) return;
    if (offset > this.#at + 1) {
      this.#flush();
      this.#skipTo(offset - 1);
    }
    this.#accept(message, delivery);
    // It was stored a moment ago. The server's clock may have been set, or another server stores now, whose clock differs.
    if (offset > this.#target && delivery.pending === 0) {
      const nowMs = performance.now();
      this.#options.onTime(delivery.atMs, nowMs - SILENCE_MS);
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

  /** The next one. What another program wrote there is passed over. */
  #accept(
    { subject, data }: Pick<NatsMessage, "subject" | "data">,
    { offset, time, atMs }: Pick<Delivery, "offset" | "time" | "atMs">,
  ): void {
    this.#at = offset;
    this.#atTime = time;
    if (!this.#options.isOurs(subject)) return;
    try {
      const topic = topicOf(data);
      const wrong = this.#options.misplaced(topic, subject);
      if (wrong !== undefined) return void this.#lose(wrong);
      if (this.#followed.includes(topic)) this.#held.push(decodeEntry(data, topic, offset, atMs));
    } catch {
      // It is not in the log's format.
    }
  }

  /** It was acknowledged, and nobody finds it: everyone is told. */
  async #lose(error: LogError): Promise<void> {
    const { report, onOther } = this.#options;
    report(error);
    try {
      await onOther();
    } catch (failure) {
      report(failure);
    }
  }

  /** One that is not heard would wait for ever, and look alive. */
  #unstall(consumer: Consumer, subject: string): void {
    this.#respond(subject);
    const nowMs = performance.now();
    if (consumer.stalled?.subject !== subject) consumer.stalled = { subject, sinceMs: nowMs };
    if (nowMs - consumer.stalled.sinceMs < UNHEARD_MS) return;
    const { name } = this.#options;
    this.#interrupted(
      new Error(
        `NATS does not hear that it may deliver more, expected a user that may publish to $JS.FC.${name}.>`,
      ),
    );
    void this.#start();
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

  async #listen(): Promise<void> {
    const isSilent = (): boolean =>
      this.#state === "following" && performance.now() - this.#heardMs > SILENCE_MS;
    if (!isSilent()) return;
    await sleep(GRACE_MS);
    if (isSilent()) void this.#start();
  }

  /** Moves `through` on where nothing is followed, and finds logs that were replaced. */
  async #look(): Promise<void> {
    if (this.#state !== "following" || this.#looking) return;
    this.#looking = true;
    const round = this.#round;
    this.#flush();
    try {
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
