/**
 * Appends: each message is published with an id of its own, so that one that is sent twice is stored once. They are sent in
 * order, many before the first is acknowledged. When something goes wrong, nothing new is sent until the oldest that was not
 * acknowledged is.
 */
import { DeadlineTimer } from "../appending/deadline-timer.ts";
import { idempotencyScope } from "../appending/idempotency.ts";
import { LogError, type Appended, type Draft } from "../log.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { mayPass, refusal } from "./api.ts";
import type { NatsConnection, NatsMessage } from "./connection.ts";
import { Recovery } from "./recovery.ts";
import {
  appendedAt,
  assertFits,
  parseAcknowledgement,
  refusalOf,
  strangerOf,
  toMessages,
  type Outgoing,
  type Waiting,
} from "./outgoing.ts";
import { waitingBytesOf } from "../appending/pending-bytes.ts";
import type { ServerClock } from "../time/server-clock.ts";
import { subjectOf } from "./subjects.ts";

export interface AppenderOptions {
  readonly connection: NatsConnection;
  /** Of the stream. */
  readonly name: string;
  /** Random, of this instance. */
  readonly instance: string;
  /** Where acknowledgements are sent. */
  readonly inbox: string;
  readonly deadlineMs: number;
  readonly pendingBytes: number;
  /** What all subjects begin with, and for how long JetStream knows an id. */
  readonly target: () => { readonly subjects: string; readonly idempotencyAgeMs: number };
  /** Called after trouble that began then, by the monotonic clock: looks where the log is now, and what time it is there. */
  readonly look: (sinceMs: number) => Promise<unknown>;
  /** The time of the server. */
  readonly clock: ServerClock;
  /** A message was given an offset. Resolves when that is known to be in this log. */
  readonly given: (offset: number, messageId: string, repeated: boolean) => Promise<void> | undefined;
  /** Who stored the message with this offset. */
  readonly storedBy: (offset: number) => Promise<string | undefined>;
}

/** What is unacknowledged at most. */
const WINDOW_MESSAGES = 1_000;
const WINDOW_BYTES = 8 * 2 ** 20;
/** Messages that a queue keeps at least, before it gives back what was sent. */
const LEAST_COMPACTED = 1_024;
/** What is not acknowledged in that time is sent again: before a cluster has elected another leader. */
const ATTEMPT_MS = 3_000;
const TICK_MS = 250;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#rejectLate(nowMs));
  /** In the order in which they are sent: those that were, and behind them the others. */
  readonly #sent = new Map<number, Outgoing>();
  #queue: Outgoing[] = [];
  /** Where the queue begins: what is before it was sent, or is settled. */
  #next = 0;
  #sentBytes = 0;
  #pendingBytes = 0;
  readonly #keys = new Map<string, Promise<Appended>>();
  /** Appends that are not settled, in the order in which they came. */
  readonly #open = new Set<Waiting>();
  #idle: (() => void) | undefined;
  #ids = 0;
  #scheduled = false;
  #connected = true;
  /** Why nothing is acknowledged, as far as that is known. */
  #trouble: unknown;
  readonly #recovery: Recovery;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#acknowledgements = new Acknowledgements({
      connection: options.connection,
      inbox: options.inbox,
      onAnswer: (id, answer) => this.#answered(id, answer),
      onTrouble: (error) => (this.#trouble = error),
    });
    this.#recovery = new Recovery({
      sent: this.#sent,
      look: options.look,
      isConnected: () => this.#connected,
      sendAgain: (message) => this.#sendAgain(message),
      onTrouble: (error) => (this.#trouble = error),
      onOver: () => this.#pump(),
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  async append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<Appended> {
    const scope = idempotencyScope(drafts, idempotencyKey);
    const endsMs = performance.now() + this.#options.deadlineMs;
    if (this.#options.connection.isClosed()) {
      throw new LogError("failed", "Cannot append to log: the connection to NATS is closed");
    }
    if (scope === undefined) return this.#append(drafts, undefined, endsMs);
    let isLater = false;
    for (;;) {
      // Its time is up before ours.
      const same = this.#keys.get(scope);
      if (same === undefined) break;
      try {
        return { ...(await same), repeated: true };
      } catch (error) {
        if (performance.now() >= endsMs) throw error;
        isLater = true;
      }
    }
    const appending = this.#append(drafts, scope, endsMs, isLater);
    this.#keys.set(scope, appending);
    try {
      return await appending;
    } finally {
      this.#keys.delete(scope);
    }
  }

  /** The connection is lost, or there again. */
  connected(yes: boolean): void {
    this.#connected = yes;
    if (yes) this.#recovery.begin();
  }

  /** The connection is closed for good: nothing is answered any more. */
  ended(): void {
    for (const append of this.#open) {
      const what = append.isSent
        ? " before it was acknowledged, and NATS may have stored it"
        : ", and it was not appended";
      this.#fail(
        append,
        new LogError("failed", `Cannot append to log: the connection to NATS was closed${what}`),
      );
    }
  }

  /** The server did not let the user publish there, and says so to the connection alone. */
  forbidden(subject: string, cause: unknown): void {
    const { subjects } = this.#options.target();
    if (!subject.startsWith(`${subjects}.`)) return;
    for (const { id, topic, append } of this.#sent.values()) {
      if (append.settled || subjectOf(subjects, topic) !== subject) continue;
      const stream = subjects.slice(0, subjects.lastIndexOf("."));
      const message = `Cannot append to log: NATS does not let its user publish to ${subject}, expected a user that may publish to ${stream}.>`;
      this.#fail(append, new LogError("failed", message, { cause }));
      this.#recovery.answered(id, true);
    }
    this.#pump();
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#deadlines.clear();
    this.#acknowledgements.close();
  }

  /** @param isLater - Others whose time is up behind this one's have come before it. */
  async #append(
    drafts: readonly Draft[],
    scope: string | undefined,
    endsMs: number,
    isLater = false,
  ): Promise<Appended> {
    const { pendingBytes, instance } = this.#options;
    const bytes = waitingBytesOf(drafts);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#pendingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    return new Promise((resolve, reject) => {
      const { info } = this.#options.connection;
      const append: Waiting = {
        keyed: scope !== undefined,
        bytes,
        count: drafts.length,
        endsMs,
        offsets: [],
        repeated: false,
        trouble: undefined,
        isSent: false,
        settled: false,
        resolve,
        reject,
      };
      const messages = toMessages(drafts, append, { scope, instance, firstId: this.#ids + 1 });
      // Before any of them is sent.
      for (const message of messages) assertFits(message, info);
      this.#ids += drafts.length;
      this.#open.add(append);
      this.#pendingBytes += bytes;
      const deadlines = isLater ? new DeadlineTimer(() => this.#endLate(append)) : this.#deadlines;
      deadlines.arm(endsMs);
      this.#queue.push(...messages);
      if (this.#scheduled) return;
      this.#scheduled = true;
      // What is appended in the same turn goes out in one write.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    if (this.#recovery.underWay || !this.#connected || this.#acknowledgements.isDeaf) return;
    for (; this.#next < this.#queue.length; this.#next += 1) {
      const message = this.#queue[this.#next]!;
      if (this.#sent.size >= WINDOW_MESSAGES || (this.#sentBytes > 0 && this.#sentBytes >= WINDOW_BYTES))
        break;
      if (message.append.settled) continue;
      this.#sent.set(message.id, message);
      this.#sentBytes += message.payload.length;
      this.#send(message);
    }
    this.#compact();
  }

  /** Gives back what the queue is done with, not after each message: that would move a long queue each time. */
  #compact(): void {
    if (this.#next < LEAST_COMPACTED && this.#next < this.#queue.length) return;
    if (this.#next * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #send(message: Outgoing): void {
    const { connection, inbox, target } = this.#options;
    message.sentMs = performance.now();
    if (message.attempts === 0) {
      message.firstSentMs = message.sentMs;
      message.firstSentAtMs = this.#options.clock.now();
    }
    message.attempts += 1;
    message.append.isSent = true;
    try {
      // It may be connected to another server since it was appended.
      assertFits(message, connection.info);
    } catch (error) {
      return this.#unsent(message, error);
    }
    try {
      connection.publish(subjectOf(target().subjects, message.topic), message.payload, {
        reply: `${inbox}.${message.id}`,
        headers: message.headers,
      });
    } catch (cause) {
      const what = `Cannot append to log: NATS rejected it: ${(cause as Error).message}`;
      this.#unsent(message, new LogError("failed", what, { cause }));
    }
  }

  /** Nobody will answer, so that nobody is to wait for that. */
  #unsent(message: Outgoing, error: unknown): void {
    this.#fail(message.append, error);
    this.#recovery.answered(message.id, true);
  }

  #answered(id: number, { data }: NatsMessage): void {
    const message = this.#sent.get(id);
    if (message === undefined) return;
    const said = parseAcknowledgement(data);
    if (said.error !== undefined && !mayPass(said.error)) {
      return this.#unsent(message, refusalOf(message, said.error));
    }
    const stranger = strangerOf(said, this.#options.name);
    if (stranger !== undefined) {
      // The stream may answer as well.
      message.append.trouble = stranger;
      return;
    }
    // No answer of the stream's: nobody takes it now, or one with the same id is on its way.
    if (said.error !== undefined || said.seq === undefined || said.seq === 0) {
      if (said.error !== undefined) this.#trouble = refusal("append to", said.error);
      if (!this.#recovery.answered(id, false)) this.#recovery.begin();
      return;
    }
    this.#trouble = undefined;
    this.#remove(message);
    this.#recovery.answered(id, true);
    void this.#stored(message, said.seq, said.duplicate === true);
    this.#pump();
  }

  async #stored(message: Outgoing, offset: number, duplicate: boolean): Promise<void> {
    const { append, index, attempts } = message;
    try {
      let repeated = duplicate && append.keyed;
      // It may be its own first attempt that was stored.
      if (repeated && attempts > 1)
        repeated = (await this.#options.storedBy(offset)) !== this.#options.instance;
      const known = this.#options.given(offset, message.messageId, duplicate);
      if (known !== undefined) await known;
      if (append.settled) return;
      append.offsets[index] = offset;
      append.repeated ||= repeated;
      for (let i = 0; i < append.count; i += 1) if (append.offsets[i] === undefined) return;
      this.#settle(append);
      append.resolve(appendedAt(append.offsets, append.repeated));
    } catch (error) {
      this.#fail(append, error);
    }
  }

  #fail(append: Waiting, error: unknown): void {
    if (append.settled) return;
    this.#settle(append);
    append.reject(error);
    for (const message of this.#sent.values()) if (message.append === append) this.#remove(message);
  }

  #settle(append: Waiting): void {
    append.settled = true;
    this.#open.delete(append);
    this.#pendingBytes -= append.bytes;
    if (this.#open.size === 0) this.#idle?.();
  }

  #remove(message: Outgoing): void {
    if (this.#sent.delete(message.id)) this.#sentBytes -= message.payload.length;
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#acknowledgements.isDeaf) return this.#acknowledgements.tick(nowMs);
    for (const { sentMs } of this.#sent.values()) {
      if (nowMs - sentMs > ATTEMPT_MS) this.#recovery.begin();
      break;
    }
    this.#pump();
  }

  /** @returns When the time of the next one is up. */
  #rejectLate(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const append of this.#open) {
      next = append.endsMs;
      if (next > nowMs) break;
      next = undefined;
      this.#late(append);
    }
    // They go from the queue now: while the connection is lost nothing is sent, and others come.
    while (this.#queue[this.#next]?.append.settled === true) this.#next += 1;
    this.#compact();
    return next;
  }

  #endLate(append: Waiting): undefined {
    this.#late(append);
  }

  #late(append: Waiting): void {
    if (append.settled) return;
    const { deadlineMs } = this.#options;
    const message = append.isSent
      ? `NATS did not acknowledge it within ${deadlineMs} ms, and may have stored it`
      : `its turn did not come within ${deadlineMs} ms (deadlineMs), and it was not appended`;
    const trouble = append.trouble ?? this.#trouble;
    const cause = this.#connected ? trouble : new Error("the connection to NATS is lost");
    const reason = cause === undefined ? "" : ` (${(cause as Error).message})`;
    this.#fail(append, new LogError("failed", `Cannot append to log: ${message}${reason}`, { cause }));
  }

  /** Unless JetStream may have forgotten that it has it. */
  #sendAgain(message: Outgoing): void {
    const { idempotencyAgeMs } = this.#options.target();
    if (message.append.settled) return this.#remove(message);
    if (message.attempts > 0 && this.#ageOf(message) > idempotencyAgeMs) {
      const what = `Cannot append to log: NATS did not acknowledge it while it knew its id (${idempotencyAgeMs} ms), and may have stored it`;
      return this.#unsent(message, new LogError("failed", what));
    }
    this.#send(message);
  }

  /** Milliseconds since it was sent first, by the clock of this process or the server's, which may have been set ahead: by that it forgets ids. */
  #ageOf({ firstSentMs, firstSentAtMs }: Outgoing): number {
    const nowMs = this.#options.clock.latest();
    const byServer = nowMs === undefined || firstSentAtMs === undefined ? 0 : nowMs - firstSentAtMs;
    return Math.max(performance.now() - firstSentMs, byServer);
  }
}
