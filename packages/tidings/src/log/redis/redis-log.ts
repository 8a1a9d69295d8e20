/**
 * A log in Redis 7 or Valkey, shared by the processes of many machines. Each process follows the topics that its streams select.
 * Drafts of one turn of the event loop are appended in one step; a step that is sent twice is done once.
 *
 * Takes the client that the application made, of `redis` (node-redis), `ioredis` or `iovalkey`. See docs/logs/redis.md for what
 * Redis can lose.
 */
import { show } from "../../guard/show.ts";
import { LogClock } from "../time/clock.ts";
import { randomEpoch } from "../cursor.ts";
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
import { connectionOf, type RedisClient } from "./connection.ts";
import { decodePage, doubles } from "./frames.ts";
import type { Argument, RedisConnection } from "./link.ts";
import type { Step } from "./script/script.ts";
import { checkLogOptions, type LogOptionNames } from "../log-options.ts";
import { ServerClock } from "../time/server-clock.ts";
import { isForgotten, KNOWN, Steps } from "./steps.ts";
import { RedisTail } from "./tail.ts";

export interface RedisLogOptions {
  /** The prefix of all keys, written as `{name}`. Use different names for several logs in one Redis. Default: `"tidings"`. */
  name?: string | undefined;
  /** Milliseconds after which an append or a read that is not done is rejected, however many wait before it. Default: 10,000. */
  deadlineMs?: number | undefined;
  /**
   * Bytes that may wait to be written, and 1,000 for each message; beyond that, `append` rejects with `busy`. Default: 67,108,864
   * (64 MiB). At most 96 MiB.
   */
  pendingBytes?: number | undefined;
  /**
   * Milliseconds from one script call that appends to the next, while five messages or more come in that time, without waiting for
   * each other: they are sent together. Where fewer come, each is sent at once, as is an append that comes as soon as the one before
   * was acknowledged. `false`: every append is. At most 1,000. Default: 3.
   */
  lingerMs?: number | false | undefined;
  /** Milliseconds for which an idempotency key is remembered; with presence, 120,000 or more. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number | undefined;
  /**
   * Topics whose losses are remembered, the newest ones, at about 100 bytes each. Default: 100,000. Beyond that, a subscriber
   * with an old cursor may get a gap although it lost nothing. At most 10 MiB, in Redis.
   */
  lostTopics?: number | undefined;
  /** Milliseconds since 1970. What is ahead of the clock of Redis is not believed. Default: that clock. */
  now?: (() => number) | undefined;
}

/**
 * @throws {TypeError} If the client is not one of those that are known, or is not open; the name is empty or has braces; or there is no
 *   such option.
 * @throws {RangeError} If a number is not above 0, or `lingerMs` is above 1,000.
 */
export function redisLog(client: RedisClient, options: RedisLogOptions = {}): Log {
  const { name = "tidings", lingerMs, ...others } = options;
  checkLogOptions(lingerMs === false ? others : options, REDIS_OPTIONS);
  if (typeof lingerMs === "number" && lingerMs > MOST_LINGER_MS) {
    throw new RangeError(
      `Cannot make log: lingerMs is ${lingerMs}, expected a number above 0 and at most ${MOST_LINGER_MS}, or false`,
    );
  }
  // What is between the braces chooses the server of a cluster.
  if (typeof name !== "string" || !/^[^{}\p{Surrogate}]+$/u.test(name)) {
    throw new TypeError(
      `Cannot make log: name is ${show(name)}, expected well-formed text without braces that is not empty`,
    );
  }
  return ownDeadlines(new RedisLog(connectionOf(client), options));
}

const REDIS_OPTIONS: LogOptionNames<RedisLogOptions> = {
  name: "other",
  deadlineMs: "number",
  pendingBytes: "number",
  lingerMs: "number",
  idempotencyAgeMs: "number",
  lostTopics: "number",
  now: "other",
};
/** Who publishes waits for it. */
const MOST_LINGER_MS = 1_000;
/** For less than Redis remembers a process that appends nothing. */
const KNOWN_MS = 5 * 3_600_000;
/** Entries looked at in one read by pattern. */
const MOST_WALKED = 500;

class RedisLog implements Log {
  readonly #connection: RedisConnection;
  readonly #instance = randomEpoch();
  readonly #prefix: string;
  readonly #deadlineMs: number;
  readonly #idempotencyAgeMs: number;
  readonly #lostTopics: number;
  readonly #serverClock = new ServerClock();
  readonly #clock: LogClock;
  readonly #steps: Steps;
  readonly #appender: Appender;
  #options: OpenLogOptions | undefined;
  #tail: RedisTail | undefined;
  #closed = false;
  #epoch = "";
  /** The newest offset that this process knows to have been given, and the newest time of the log. */
  #seen = 0;
  #atMs = 0;
  /** When Redis was last told of this process. */
  #knownMs = -Infinity;

  constructor(connection: RedisConnection, options: RedisLogOptions) {
    const { name = "tidings", deadlineMs = 10_000, lostTopics = 100_000, lingerMs = 3, now } = options;
    const { idempotencyAgeMs = 300_000 } = options;
    this.#idempotencyAgeMs = idempotencyAgeMs;
    this.#connection = connection;
    this.#prefix = `{${name}}`;
    this.#deadlineMs = deadlineMs;
    this.#lostTopics = lostTopics;
    this.#clock = new LogClock({ now, server: this.#serverClock });
    this.#steps = new Steps({ connection, prefix: this.#prefix, deadlineMs });
    this.#appender = new Appender({
      instance: this.#instance,
      lostTopics,
      idempotencyAgeMs,
      deadlineMs,
      pendingBytes: options.pendingBytes ?? 64 * 2 ** 20,
      lingerMs: lingerMs === false ? 0 : lingerMs,
      retention: () => this.#options!.retention,
      run: (args, withinMs) => this.#append(args, withinMs),
    });
  }

  async open(given: OpenLogOptions): Promise<LogPosition> {
    const options = guardedOptions(given);
    if (this.#options !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#options = options;
    this.#clock.onJump = options.onError;
    const askedMs = performance.now();
    const reply = await this.#steps.run("open", "open", [...this.#head(), this.#instance]);
    const [epoch, head, , time, policy, isKnown] = reply as [Buffer, number, Buffer, Buffer, Buffer, number];
    if (isKnown === 1) this.#knownMs = askedMs;
    if (this.#closed) throw new LogError("closed", "Cannot open log: it is closed");
    this.#epoch = epoch.toString();
    this.#note(reply);
    this.#noteTime(time, askedMs);
    if (!["", "noeviction"].includes(policy.toString())) {
      options.onError?.(
        new LogError(
          "failed",
          `Redis may evict what the log holds: maxmemory-policy is ${policy.toString()}, expected noeviction`,
        ),
      );
    }
    this.#tail = new RedisTail({
      connection: this.#connection,
      prefix: this.#prefix,
      deadlineMs: this.#deadlineMs,
      position: { epoch: this.#epoch, head },
      head: () => this.#position(),
      read: (request) => this.#read(request),
      options,
      onEpoch: () =>
        this.head().then(
          () => undefined,
          () => undefined,
        ),
    });
    return { epoch: this.#epoch, head };
  }

  keyAgeMs(): number {
    return this.#idempotencyAgeMs;
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    this.#assertOpen("append to");
    if (drafts.length === 0)
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    return this.#appender.append(drafts, options.idempotencyKey);
  }

  async read(request: ReadRequest): Promise<Page> {
    this.#assertOpen("read");
    return this.#read(request);
  }

  async head(): Promise<LogPosition> {
    this.#assertOpen("read");
    const { epoch, head } = await this.#position();
    return { epoch, head };
  }

  async stats(): Promise<LogStats> {
    this.#assertOpen("read");
    const [, head, , oldest, messages, bytes] = (await this.#run("read", "stats", [])) as number[];
    return {
      epoch: this.#epoch,
      head: head!,
      oldest: oldest!,
      messages: messages!,
      bytes: bytes!,
      topics: undefined,
    };
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
    this.#tail?.close();
    await this.#appender.settled();
    this.#steps.close();
  }

  async #position(): Promise<LogPosition & { readonly floor: number }> {
    const askedMs = performance.now();
    const [, head, , floor, time] = await this.#run("read", "head", []);
    this.#noteTime(time, askedMs);
    return { epoch: this.#epoch, head: head as number, floor: floor as number };
  }

  /** In a Redis that is full, what is too old makes room. */
  async #append(args: readonly Argument[], withinMs: number): Promise<readonly unknown[]> {
    const endsMs = performance.now() + withinMs;
    for (;;) {
      const leftMs = endsMs - performance.now();
      try {
        const isKnown = performance.now() - this.#knownMs < KNOWN_MS;
        const all = isKnown ? [...args, KNOWN] : args;
        const reply = await this.#run("append to", "append", all, leftMs);
        this.#knownMs = performance.now();
        return reply;
      } catch (error) {
        if (isForgotten(error)) this.#knownMs = -Infinity;
        if (!(error instanceof LogError) || error.code !== "full") throw error;
        if (!(await this.#expire(endsMs - performance.now()))) throw error;
      }
    }
  }

  /** @returns Whether anything was discarded. */
  async #expire(withinMs: number): Promise<boolean> {
    const reply = await this.#run("append to", "expire", this.#boundsOfLog(), withinMs);
    return reply[3] === 1;
  }

  #boundsOfLog(): Argument[] {
    const { messages, bytes, ageMs } = this.#options!.retention;
    return [messages, bytes, ageMs, this.#lostTopics].map(argument);
  }

  async #read({ topics, after, maxMessages, maxBytes }: ReadRequest): Promise<Page> {
    const { retention } = this.#options!;
    const bounds = this.#boundsOfLog();
    const ageOf = (topic: string): number => retention.forTopic?.(topic)?.ageMs ?? Infinity;
    if (isByName(topics)) {
      const names = [...new Set(topics.exact)];
      const [, head, , through, lost, page] = await this.#run("read", "read", [
        ...[after, maxMessages, maxBytes].map(argument),
        ...bounds,
        argument(names.length),
        ...names.flatMap((name) => [name, bound(ageOf(name))]),
      ]);
      return {
        entries: decodePage(page as Buffer[]),
        through: through as number,
        lostThrough: lost as number,
        head: head as number,
        nowMs: this.#clock.read(this.#atMs),
      };
    }
    const { exact = [], prefixes = [""], matches } = topics;
    const [, , atMs, through, lost, page, losses] = await this.#run("read", "walk", [
      ...[after, maxBytes, MOST_WALKED].map(argument),
      ...bounds,
      argument(exact.length),
      ...exact,
      argument(prefixes.length),
      ...prefixes,
    ]);
    const pairs = losses as Buffer[];
    const picked = pickPage({
      entries: decodePage(page as Buffer[]),
      through: through as number,
      lost: lost as number,
      losses: Array.from({ length: pairs.length / 2 }, (_, i) => [
        Number(pairs[i * 2]!.toString()),
        pairs[i * 2 + 1]!.toString(),
      ]),
      lossesAreCut: pairs.length >= 4_000,
      atMs: Number(String(atMs)),
      ageOf,
      matches,
      maxMessages,
      maxBytes,
    });
    return { ...picked, nowMs: this.#clock.read(this.#atMs) };
  }

  /** What every step is told first. The time is that of Redis: the first step asks for it, and none goes by a clock of this process alone. */
  #head(): Argument[] {
    const isTold = this.#serverClock.now() !== undefined;
    const nowMs = isTold ? this.#clock.read(this.#atMs) : 0;
    return [randomEpoch(), this.#epoch, doubles(this.#seen, nowMs)];
  }

  #noteTime(time: unknown, askedMs: number): void {
    this.#serverClock.told(Number(String(time)), askedMs);
  }

  async #run(
    what: string,
    step: Step,
    args: readonly Argument[],
    withinMs?: number,
  ): Promise<readonly unknown[]> {
    const reply = await this.#steps.run(what, step, [...this.#head(), ...args], withinMs);
    this.#note(reply, step === "append" ? (reply[1] as number) : undefined);
    return reply;
  }

  /** Learns from a reply where the log is, and whether it is another one. @param before - Where a new one was before this step. */
  #note(reply: readonly unknown[], before?: number): void {
    const epoch = String(reply[0]);
    const head = (before === undefined ? reply[1] : reply[2]) as number;
    if (epoch !== "" && epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#seen = 0;
      this.#tail?.reset({ epoch, head: before ?? head });
    }
    this.#seen = Math.max(this.#seen, head);
    this.#atMs = Math.max(this.#atMs, Number(String(reply[before === undefined ? 2 : 3])));
  }

  #assertOpen(what: string): void {
    if (this.#options === undefined || this.#closed) {
      throw new LogError("closed", `Cannot ${what} log: it is closed`);
    }
  }
}

function argument(value: number): string {
  return value === Infinity ? "9007199254740991" : String(value);
}

/** None is empty. */
function bound(value: number): string {
  return value === Infinity ? "" : String(value);
}
