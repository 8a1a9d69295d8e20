/**
 * A log in Postgres 14 or later, shared by the processes of many machines. What is appended in one turn goes in one transaction;
 * one that is asked twice is done once. The database says that there is something new by NOTIFY, and is asked now and then anyway.
 *
 * Takes the client that the application made: a `Pool` of `pg`, or what `postgres()` returns. See docs/logs/postgres.md.
 */
import { ignore } from "../../guard/ignore.ts";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import type { QueuedAppend } from "../appending/append-queue.ts";
import { LogClock } from "../time/clock.ts";
import { randomEpoch } from "../cursor.ts";
import { idempotencyScope } from "../appending/idempotency.ts";
import { isByName, LogError } from "../log.ts";
import { ownDeadlines } from "../bounded-log.ts";
import { guardedOptions } from "../guarded-options.ts";
import type {
  Appended,
  AppendOptions,
  Draft,
  Followed,
  Log,
  LogPosition,
  LogStats,
  OpenLogOptions,
  Page,
  ReadRequest,
} from "../log.ts";
import { pickPage } from "../entries/walked-page.ts";
import { Appender } from "./appender.ts";
import { Calls } from "./calls.ts";
import { linkOf, type PostgresClient, runIn } from "./client.ts";
import { decodeEntries, encodeDrafts, type EncodedDrafts, type EntryRow, whole } from "./drafts.ts";
import { within, type Listener, type PostgresLink, type SqlValue } from "./link.ts";
import { namesOf, type SqlNames } from "./names.ts";
import { limitsOf, type PostgresLimits, type PostgresLogOptions } from "./options.ts";
import { postgresSchema } from "./schema.ts";
import { ENTER } from "./sql/outbox.ts";
import { MOST_LOSSES } from "./sql/reading.ts";
import { Sweeper } from "./sweeper.ts";
import { ServerClock } from "../time/server-clock.ts";
import { TopicBounds } from "../topic-bounds.ts";
import { PostgresTail, type TailReply, type TailRequest } from "./tail.ts";

/**
 * @throws {TypeError} If the client is not one of those that are known, or an option makes no sense.
 * @throws {RangeError} If a number is not above 0.
 */
export function postgresLog(client: PostgresClient, options: PostgresLogOptions = {}): Log {
  return ownDeadlines(new PostgresLog(client, options));
}

/** How long one read of the tail may take. */
const TAIL_MS = 3_000;
/** A reply of an earlier epoch may come late. */
const FORMER_EPOCHS = 16;

interface Reply {
  readonly epoch: string;
  readonly head: number;
  readonly at: number;
  /** The server's, where it says that. */
  readonly time?: number;
}

interface MoveReply {
  readonly moved: number;
  readonly refused: readonly string[];
}

interface PageReply extends Reply {
  readonly entries: readonly EntryRow[] | null;
  readonly through: number;
  readonly lost: number;
  readonly losses: readonly (readonly [number, string])[] | null;
}

class PostgresLog implements Log {
  readonly #limits: PostgresLimits;
  readonly #names: SqlNames;
  readonly #listenLink: PostgresLink | undefined;
  /** Whether the connection that listens is one of those that may read. */
  readonly #readsWhereItListens: boolean;
  readonly #serverClock = new ServerClock();
  readonly #clock: LogClock;
  readonly #calls: Calls;
  readonly #appender: Appender;
  readonly #instance = randomEpoch();
  readonly #formerEpochs: string[] = [];
  #options: OpenLogOptions | undefined;
  #bounds: TopicBounds | undefined;
  #tail: PostgresTail | undefined;
  #sweeper: Sweeper | undefined;
  #moving: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  #heading: Promise<Reply> | undefined;
  #closed = false;
  #epoch = "";
  /** The newest offset that this process knows to have been given, and the newest time of the log. */
  #seen = 0;
  #atMs = 0;

  constructor(client: PostgresClient, settings: PostgresLogOptions) {
    const { listen, now } = settings;
    this.#limits = limitsOf(settings);
    const { deadlineMs, pendingBytes } = this.#limits;
    // One to listen, and one to append.
    const link = linkOf(client, listen === undefined ? 2 : 1);
    this.#readsWhereItListens = listen === undefined;
    this.#names = namesOf(settings);
    if (listen !== false) this.#listenLink = listen === undefined ? link : linkOf(listen, 1);
    this.#clock = new LogClock({ now, server: this.#serverClock });
    this.#calls = new Calls({
      link,
      names: this.#names,
      deadlineMs,
      schema: settings.create === false ? undefined : postgresSchema(settings),
    });
    this.#appender = new Appender({
      pendingBytes,
      deadlineMs,
      encode: (appends) => encodeDrafts(appends, this.#bounds!),
      write: (appends, encoded, number, withinMs) => this.#write(appends, encoded, number, withinMs),
    });
  }

  async open(given: OpenLogOptions): Promise<LogPosition> {
    const options = guardedOptions(given);
    if (this.#options !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#options = options;
    this.#bounds = new TopicBounds(options.retention);
    this.#clock.onJump = options.onError;
    const askedMs = performance.now();
    const reply = (await this.#calls.call<Reply & { encoding: string }>("open", "open", this.#meta({})))!;
    this.#assertOpen("open");
    if (reply.encoding !== "UTF8") {
      throw new LogError(
        "failed",
        `Cannot open log: the encoding of the database is ${reply.encoding}, expected UTF8`,
      );
    }
    this.#note(reply, askedMs);
    const position = { epoch: reply.epoch, head: reply.head };
    this.#tail = new PostgresTail({
      position,
      pollMs: this.#limits.pollMs,
      deadlineMs: this.#limits.deadlineMs,
      read: (request, listener) => this.#readTail(request, listener),
      listen: this.#listenLink && ((events) => this.#listenLink!.listen(this.#names.channel, events)),
      options,
    });
    this.#sweeper = new Sweeper({
      sweep: () => this.#calls.call("sweep", "sweep", this.#meta({})),
      expire: () => this.#calls.call("sweep", "expire", this.#meta({})),
      onFailure: (cause) => this.#notSwept(cause),
    });
    return position;
  }

  keyAgeMs(): number {
    return this.#limits.idempotencyAgeMs;
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    this.#assertOpen("append to");
    if (drafts.length === 0)
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    return this.#appender.append(drafts, idempotencyScope(drafts, options.idempotencyKey));
  }

  async enlist(transaction: unknown, drafts: readonly Draft[], options: AppendOptions = {}): Promise<void> {
    this.#assertOpen("append to");
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    const key = idempotencyScope(drafts, options.idempotencyKey);
    const { meta, bodies } = encodeDrafts([{ drafts, key, bytes }], this.#bounds!);
    const text = `SELECT ${this.#names.call("enlist")}($1::pg_catalog.text) AS reply`;
    const { deadlineMs } = this.#limits;
    const said = JSON.stringify({
      drafts: JSON.stringify(meta),
      bodies: bodies.toString("base64"),
      deadline: Math.min(Math.ceil(deadlineMs), LONGEST_TIMER_MS),
    });
    let isLate = false;
    const enlist = async (): Promise<void> => {
      await runIn(transaction, ENTER, ["yes"]);
      if (!isLate) await runIn(transaction, text, [said]);
    };
    try {
      await within(enlist(), deadlineMs, () => (isLate = true));
    } catch (cause) {
      if (!isLate) throw cause;
      const message = `Cannot append to log: the transaction did not do it within ${deadlineMs} ms, and may still publish it if it commits. Roll it back`;
      throw new LogError("failed", message, { cause });
    }
  }

  async read({ topics, after, maxMessages, maxBytes }: ReadRequest): Promise<Page> {
    this.#assertOpen("read");
    const ageOf = (topic: string): number => this.#bounds!.of(topic)?.ageMs ?? Infinity;
    const bounds = { after, maxMessages: whole(maxMessages), maxBytes: whole(maxBytes) };
    if (isByName(topics)) {
      const names = [...new Set(topics.exact)];
      const ages = names.map((name) => (ageOf(name) === Infinity ? null : whole(ageOf(name))));
      const page = await this.#ask<PageReply>("read", "read", { ...bounds, names, ages });
      const { through, lost: lostThrough, head } = page;
      const nowMs = this.#clock.read(this.#atMs);
      return { entries: decodeEntries(page.entries), through, lostThrough, head, nowMs };
    }
    const { exact = [], prefixes = [""], matches } = topics;
    const page = await this.#ask<PageReply>("read", "walk", { ...bounds, names: exact, prefixes });
    const losses = page.losses ?? [];
    const nowMs = this.#clock.read(this.#atMs);
    const picked = pickPage({
      entries: decodeEntries(page.entries),
      through: page.through,
      lost: page.lost,
      losses,
      lossesAreCut: losses.length >= MOST_LOSSES,
      atMs: nowMs,
      ageOf,
      matches,
      maxMessages,
      maxBytes,
    });
    return { ...picked, nowMs };
  }

  async head(): Promise<LogPosition> {
    this.#assertOpen("read");
    // Those who ask in one turn share an answer.
    this.#heading ??= Promise.resolve().then(() => {
      this.#heading = undefined;
      return this.#ask<Reply>("read", "head");
    });
    const { epoch, head } = await this.#heading;
    return { epoch, head };
  }

  async stats(): Promise<LogStats> {
    this.#assertOpen("read");
    const { epoch, head, oldest, messages, bytes } = await this.#ask<
      Reply & Omit<LogStats, keyof LogPosition>
    >("read", "stats");
    return { epoch, head, oldest, messages, bytes, topics: undefined };
  }

  follow(topics: Followed): Promise<number> {
    this.#assertOpen("follow");
    return this.#tail!.follow(topics);
  }

  unfollow(topics: Followed): void {
    this.#tail?.unfollow(topics);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const endsMs = performance.now() + this.#limits.deadlineMs;
    this.#tail?.close();
    await this.#appender.settled();
    this.#calls.close();
    // What is under way there is nobody's to wait for longer.
    const others = Promise.all([this.#sweeper?.close(), this.#moving]);
    await within(others, endsMs - performance.now()).catch(ignore);
  }

  async #write(
    appends: readonly QueuedAppend[],
    { meta, bodies, places }: EncodedDrafts,
    number: number,
    withinMs: number,
  ): Promise<Appended[]> {
    const [said] = this.#meta({ producer: this.#instance, number, drafts: meta });
    const reply = await this.#calls.call<{ epoch: string; before: number; at: number; parts: number[] }>(
      "append to",
      "append",
      [said!, bodies],
      withinMs,
    );
    const { epoch, before, at, parts } = reply!;
    this.#note({ epoch, head: before, at });
    const appended = appends.map(({ drafts }, i) => {
      const { part, from } = places[i]!;
      const first = parts[part * 3]! + from;
      return { first, last: first + drafts.length - 1, repeated: parts[part * 3 + 2] === 1 };
    });
    if (epoch === this.#epoch) this.#seen = Math.max(this.#seen, ...appended.map(({ last }) => last));
    this.#tail?.wake();
    return appended;
  }

  async #readTail(request: TailRequest, listener: Listener | undefined): Promise<TailReply> {
    type Said = PageReply & { floor: number; swept: number; outbox: boolean };
    // Over the pool it would wait for others now and then, or for a new connection, which takes tens of milliseconds to get going.
    const over = this.#readsWhereItListens ? listener : undefined;
    const reply = await this.#ask<Said>("read", "tail", { ...request }, TAIL_MS, over);
    if (reply.outbox) this.#moving ??= this.#move();
    return { ...reply, entries: decodeEntries(reply.entries) };
  }

  /** What is discarded takes space until it is deleted: without end, where that is never done. */
  #notSwept(cause: unknown): void {
    // Of a database that is away, the tail has told.
    if (this.#tail?.isInterrupted === true) return;
    const message = `What the log discarded is not deleted, and takes space: ${(cause as Error).message}`;
    this.#options!.onError?.(new LogError("failed", message, { cause }));
  }

  /** What transactions published goes into the log. */
  async #move(): Promise<void> {
    try {
      for (let moved = 1; moved > 0 && !this.#closed;) {
        const done = await this.#calls.call<MoveReply>("append to", "move", this.#meta({}));
        moved = done?.moved ?? 0;
        if (moved > 0) this.#tail?.wake();
        for (const why of done?.refused ?? []) {
          const message = `Cannot append to log: what a transaction published is no message, and was dropped (outbox ${why})`;
          this.#options!.onError?.(new LogError("failed", message));
        }
      }
    } catch (error) {
      if (!this.#closed) this.#options!.onError?.(error);
    }
    this.#moving = undefined;
  }

  /** Asks what only reads. Where the log there is not the one that is known, it is opened anew. */
  async #ask<T extends Reply>(
    what: string,
    name: string,
    said?: object,
    withinMs: number = this.#limits.deadlineMs,
    listener?: Listener,
  ): Promise<T> {
    const endsMs = performance.now() + withinMs;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const [epoch, seen] = [this.#epoch, this.#seen];
      const values = said === undefined ? [] : this.#meta(said);
      const askedMs = performance.now();
      const reply = await this.#calls.call<T>(what, name, values, endsMs - askedMs, listener);
      const isKnown =
        reply !== null &&
        !this.#formerEpochs.includes(reply.epoch) &&
        (reply.epoch !== epoch || reply.head >= seen);
      if (isKnown) {
        this.#note(reply, askedMs);
        return reply;
      }
      const leftMs = endsMs - performance.now();
      this.#checking ??= this.#check(what, leftMs).finally(() => (this.#checking = undefined));
      await this.#checking;
    }
    throw new LogError("failed", `Cannot ${what} log: it was replaced repeatedly`);
  }

  async #check(what: string, withinMs: number): Promise<void> {
    const askedMs = performance.now();
    this.#note((await this.#calls.call<Reply>(what, "open", this.#meta({}), withinMs))!, askedMs);
  }

  /** What every function is told. */
  #meta(said: object): SqlValue[] {
    const { messages, bytes, ageMs } = this.#options!.retention;
    // The time is that of the server: the first call asks for it, and none goes by a clock of this process alone.
    const nowMs = this.#serverClock.now() === undefined ? 0 : this.#clock.read(this.#atMs);
    return [
      JSON.stringify({
        epoch: this.#epoch,
        newEpoch: randomEpoch(),
        seen: this.#seen,
        now: whole(nowMs),
        messages: whole(messages),
        bytes: whole(bytes),
        age: whole(ageMs),
        keyAge: whole(this.#limits.idempotencyAgeMs),
        lostTopics: whole(this.#limits.lostTopics),
        ...said,
      }),
    ];
  }

  /** Learns from a reply where the log is, and whether it is another one. */
  #note({ epoch, head, at, time }: Reply, askedMs = performance.now()): void {
    if (time !== undefined) this.#serverClock.told(time, askedMs);
    if (epoch !== this.#epoch && !this.#formerEpochs.includes(epoch)) {
      const isNew = this.#epoch !== "";
      if (isNew) {
        this.#formerEpochs.push(this.#epoch);
        if (this.#formerEpochs.length > FORMER_EPOCHS) this.#formerEpochs.shift();
      }
      this.#epoch = epoch;
      this.#seen = 0;
      if (isNew) this.#tail?.reset({ epoch, head });
    }
    if (epoch === this.#epoch) this.#seen = Math.max(this.#seen, head);
    this.#atMs = Math.max(this.#atMs, at);
  }

  #assertOpen(what: string): void {
    if (this.#options === undefined || this.#closed) {
      throw new LogError("closed", `Cannot ${what} log: it is closed`);
    }
  }
}
