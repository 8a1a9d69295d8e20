/**
 * Appends: each message is published with an id of its own, so that one that is sent twice is stored once. They are sent in
 * order, many before the first is acknowledged. When something goes wrong, nothing new is sent until the oldest that was not
 * acknowledged is.
 */
import { idempotencyScope } from "../idempotency.ts";
import { LogError, type Appended, type Draft } from "../log.ts";
import { mayPass, refusal } from "./api.ts";
import type { NatsConnection, NatsMessage, NatsSubscription } from "./connection.ts";
import { appendedAt, parseAcknowledgement, toMessages, type Outgoing, type Waiting } from "./outgoing.ts";
import { subjectOf } from "./subjects.ts";

export interface AppenderOptions {
  readonly connection: NatsConnection;
  /** Random, of this instance. */
  readonly instance: string;
  /** Where acknowledgements are sent. */
  readonly inbox: string;
  readonly deadlineMs: number;
  readonly pendingBytes: number;
  /** What all subjects begin with, and for how long JetStream knows an id. */
  readonly target: () => { readonly subjects: string; readonly idempotencyAgeMs: number };
  /** Called after trouble: looks where the log is now. */
  readonly look: () => Promise<unknown>;
  /** An offset was given. Resolves when that is known to be in this log. */
  readonly given: (offset: number, repeated: boolean) => Promise<void> | undefined;
  /** Who stored the message with this offset. */
  readonly storedBy: (offset: number) => Promise<string | undefined>;
}

/** What is unacknowledged at most. */
const WINDOW_MESSAGES = 1_000;
const WINDOW_BYTES = 8 * 2 ** 20;
/** Messages that a queue keeps at least, before it gives back what was sent. */
const LEAST_COMPACTED = 1_024;
const ATTEMPT_MS = 3_000;
const TICK_MS = 250;
const RETRY_MS = [20, 500] as const;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #acknowledgements: NatsSubscription;
  readonly #timer: ReturnType<typeof setInterval>;
  /** In the order in which they are sent: those that were, and behind them the others. */
  readonly #sent = new Map<number, Outgoing>();
  #queue: Outgoing[] = [];
  /** Where the queue begins: what is before it was sent, or is settled. */
  #next = 0;
  #sentBytes = 0;
  #pendingBytes = 0;
  readonly #keys = new Map<string, Promise<Appended>>();
  /** Appends that are not settled. */
  readonly #open = new Set<Waiting>();
  #idle: (() => void) | undefined;
  #ids = 0;
  #scheduled = false;
  #recovering = false;
  #connected = true;
  /** While recovering, the one message that is sent to see whether it works again. */
  #probe: { readonly id: number; readonly answered: (well: boolean) => void } | undefined;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#acknowledgements = options.connection.subscribe(`${options.inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#acknowledged(message);
      },
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  async append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<Appended> {
    const scope = idempotencyScope(drafts, idempotencyKey);
    if (scope === undefined) return this.#append(drafts, undefined);
    for (;;) {
      const same = this.#keys.get(scope);
      if (same === undefined) break;
      const appended = await same.catch(() => undefined);
      if (appended !== undefined) return { ...appended, repeated: true };
    }
    const appending = this.#append(drafts, scope);
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
    if (yes) this.#trouble();
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  close(): void {
    clearInterval(this.#timer);
    try {
      this.#acknowledgements.unsubscribe();
    } catch {
      // The connection is closed.
    }
  }

  async #append(drafts: readonly Draft[], scope: string | undefined): Promise<Appended> {
    const { pendingBytes, deadlineMs, instance } = this.#options;
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#pendingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    return new Promise((resolve, reject) => {
      const append: Waiting = {
        keyed: scope !== undefined,
        bytes,
        count: drafts.length,
        offsets: [],
        repeated: false,
        settled: false,
        resolve,
        reject,
      };
      this.#open.add(append);
      this.#pendingBytes += bytes;
      const firstId = this.#ids + 1;
      this.#ids += drafts.length;
      const endsMs = performance.now() + deadlineMs;
      this.#queue.push(...toMessages(drafts, append, { scope, instance, firstId, deadlineMs: endsMs }));
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
    if (this.#recovering || !this.#connected) return;
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
    if (message.attempts === 0) message.firstSentMs = message.sentMs;
    message.attempts += 1;
    try {
      connection.publish(subjectOf(target().subjects, message.topic), message.payload, {
        reply: `${inbox}.${message.id}`,
        headers: message.headers,
      });
    } catch (cause) {
      const { info } = connection;
      const most =
        info === undefined
          ? ""
          : ` (max_payload is ${info.max_payload} bytes, this has ${message.payload.length})`;
      this.#fail(
        message.append,
        new LogError("failed", `Cannot append to log: NATS rejected it: ${(cause as Error).message}${most}`, {
          cause,
        }),
      );
    }
  }

  #acknowledged({ subject, data }: NatsMessage): void {
    const id = Number(subject.slice(this.#options.inbox.length + 1));
    const message = this.#sent.get(id);
    if (message === undefined) return;
    const said = parseAcknowledgement(data);
    if (said.error !== undefined && !mayPass(said.error)) {
      this.#fail(message.append, refusal("append to", said.error));
      this.#answered(id, true);
      return;
    }
    // No answer of the stream's: nobody takes it now, or one with the same id is on its way.
    if (said.error !== undefined || said.seq === undefined || said.seq === 0) {
      if (this.#probe === undefined) this.#trouble();
      else this.#answered(id, false);
      return;
    }
    this.#remove(message);
    this.#answered(id, true);
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
      const known = this.#options.given(offset, duplicate);
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
    for (const { append, deadlineMs } of this.#sent.values()) {
      if (deadlineMs > nowMs) break;
      this.#late(append);
    }
    // They go from the queue now: while the connection is lost nothing is sent, and others come.
    for (; this.#next < this.#queue.length; this.#next += 1) {
      const { append, deadlineMs } = this.#queue[this.#next]!;
      if (deadlineMs > nowMs && !append.settled) break;
      this.#late(append);
    }
    this.#compact();
    for (const { sentMs } of this.#sent.values()) {
      if (nowMs - sentMs > ATTEMPT_MS) this.#trouble();
      break;
    }
    this.#pump();
  }

  #late(append: Waiting): void {
    if (append.settled) return;
    this.#fail(
      append,
      new LogError(
        "failed",
        `Cannot append to log: NATS did not acknowledge it within ${this.#options.deadlineMs} ms, and may have stored it`,
      ),
    );
  }

  #answered(id: number, well: boolean): void {
    if (this.#probe?.id === id) this.#probe.answered(well);
  }

  #trouble(): void {
    if (this.#recovering) return;
    this.#recovering = true;
    void this.#recover();
  }

  /** Sends again what was not acknowledged: the oldest alone, until it is, and then the others behind it. */
  async #recover(): Promise<void> {
    for (let waitMs: number = RETRY_MS[0]; this.#sent.size > 0; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      if (!this.#connected) break;
      try {
        await this.#options.look();
        if (await this.#tryOldest()) break;
      } catch {
        // Its caller is rejected when the deadline passes.
      }
      await new Promise((resolve) => void setTimeout(resolve, waitMs));
    }
    this.#recovering = false;
    if (!this.#connected) return;
    for (const message of this.#sent.values()) this.#sendAgain(message);
    this.#pump();
  }

  async #tryOldest(): Promise<boolean> {
    const [oldest] = this.#sent.values();
    if (oldest === undefined) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<boolean>((answered) => {
      this.#probe = { id: oldest.id, answered };
      timer = setTimeout(() => answered(false), ATTEMPT_MS);
      timer.unref();
    });
    this.#sendAgain(oldest);
    const well = await answer;
    clearTimeout(timer);
    this.#probe = undefined;
    return well;
  }

  /** Unless JetStream may have forgotten that it has it. */
  #sendAgain(message: Outgoing): void {
    const { idempotencyAgeMs } = this.#options.target();
    if (message.append.settled) return this.#remove(message);
    if (message.attempts > 0 && performance.now() - message.firstSentMs > idempotencyAgeMs) {
      this.#fail(
        message.append,
        new LogError(
          "failed",
          `Cannot append to log: NATS did not acknowledge it while it knew its id (${idempotencyAgeMs} ms), and may have stored it`,
        ),
      );
      this.#answered(message.id, true);
      return;
    }
    this.#send(message);
  }
}
