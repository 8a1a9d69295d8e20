/**
 * A log in NATS JetStream 2.9 or later, shared by the processes of many machines. An offset is the sequence that the stream gave
 * to the message; a message is published with an id, so that one that is sent twice is stored once.
 *
 * Takes the connection that the application made, of `@nats-io/transport-node`. What JetStream cannot do, and what it can lose, is
 * in docs/logs/nats.md.
 */
import { ownDeadlines } from "../bounded-log.ts";
import { ignore } from "../../guard/ignore.ts";
import { reporter, type Report } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import { randomEpoch } from "../cursor.ts";
import { LogError } from "../log.ts";
import { TopicBounds } from "../topic-bounds.ts";
import { checkLogOptions, type LogOptionNames } from "../log-options.ts";
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
  Retention,
} from "../log.ts";
import { Api, sleep } from "./api.ts";
import { Appender } from "./appender.ts";
import { AskedTime } from "./asked-time.ts";
import {
  checkedConnection,
  forbiddenSubjectOf,
  watchStatus,
  type NatsConnection,
  type NatsStatus,
} from "./connection.ts";
import { MESSAGE_ID, STORED_BY } from "./outgoing.ts";
import { Placement } from "./placement.ts";
import { Reader } from "./reader.ts";
import { ServerClock } from "../time/server-clock.ts";
import { keyAgeOf, LogStream, type StreamState } from "./stream.ts";
import { NatsTail } from "./tail.ts";

export interface NatsLogOptions {
  /** The name of the stream, and the first part of its subjects. Use different names for several logs. Default: `"tidings"`. */
  name?: string | undefined;
  /** The number of servers in a cluster that keep the stream. Applies when the stream is created. Default: 1. */
  replicas?: 1 | 3 | 5 | undefined;
  /** Where the stream is stored. Applies when the stream is created. Default: `"file"`. */
  storage?: "file" | "memory" | undefined;
  /** Milliseconds after which an append or a read that is not done is rejected, however many wait before it. Default: 10,000. */
  deadlineMs?: number | undefined;
  /**
   * Bytes that may wait to be acknowledged, and 1,000 for each message; beyond that, `append` rejects with `busy`. Default:
   * 67,108,864 (64 MiB). At most 96 MiB.
   */
  pendingBytes?: number | undefined;
  /**
   * Milliseconds for which the ids of messages are remembered, and with them idempotency keys; at most as long as messages are
   * retained; with presence, 120,000 or more. The server uses about 150 bytes of memory for each. Default: 120,000 (two minutes).
   */
  idempotencyAgeMs?: number | undefined;
  /** The prefix of reply subjects, if the account allows no others. Default: `"_INBOX"`. */
  inboxPrefix?: string | undefined;
  /** The prefix of the subjects of JetStream's API. Default: `"$JS.API"`. */
  apiPrefix?: string | undefined;
}

/**
 * @throws {TypeError} If this is not a connection to NATS, or it is closed; the name has other characters than letters, digits, `-` and `_`; an option
 *   has a value that makes no sense; or there is no such option.
 * @throws {RangeError} If a number is not above 0.
 */
export function natsLog(connection: NatsConnection, options: NatsLogOptions = {}): Log {
  checkLogOptions(options, NATS_OPTIONS);
  oneOf("replicas", options.replicas, [1, 3, 5]);
  oneOf("storage", options.storage, ["file", "memory"]);
  const checked = checkedConnection(connection);
  const { name = "tidings" } = options;
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw new TypeError(
      `Cannot make log: name is ${show(name)}, expected 1 to 64 letters, digits, "-" and "_"`,
    );
  }
  checkSubject("inboxPrefix", options.inboxPrefix);
  checkSubject("apiPrefix", options.apiPrefix);
  return ownDeadlines(new NatsLog(checked, name, options));
}

function oneOf(option: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || allowed.includes(value)) return;
  const expected = allowed.map((one) => JSON.stringify(one)).join(" or ");
  throw new TypeError(`Cannot make log: ${option} is ${show(value)}, expected ${expected}`);
}

function checkSubject(option: string, value: string | undefined): void {
  if (value === undefined || (typeof value === "string" && /^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(value))) return;
  throw new TypeError(
    `Cannot make log: ${option} is ${show(value)}, expected a subject without wildcards and spaces`,
  );
}

const NATS_OPTIONS: LogOptionNames<NatsLogOptions> = {
  name: "other",
  replicas: "other",
  storage: "other",
  deadlineMs: "number",
  pendingBytes: "number",
  idempotencyAgeMs: "number",
  inboxPrefix: "other",
  apiPrefix: "other",
};
/** A leader that was just elected may not have applied everything yet. */
const BEHIND_MS = 5_000;
const BEHIND_RETRY_MS = 50;

class NatsLog implements Log {
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #inbox: string;
  readonly #clock = new ServerClock();
  readonly #api: Api;
  readonly #stream: LogStream;
  readonly #time: AskedTime;
  readonly #reader: Reader;
  readonly #placement = new Placement(() => this.#current!.subjects);
  readonly #deadlineMs: number;
  readonly #idempotencyAgeMs: number;
  readonly #pendingBytes: number;
  #options: OpenLogOptions | undefined;
  #bounds: TopicBounds | undefined;
  #report: Report = ignore;
  #appender: Appender | undefined;
  #tail: NatsTail | undefined;
  #unwatch: (() => void) | undefined;
  #closed = false;
  #current: StreamState | undefined;
  /** The newest offset that this process knows to have been given. */
  #seen = 0;
  /** The newest message of this process: its offset, and the id that JetStream knows it by. */
  #acknowledged = { offset: 0, messageId: "" };

  constructor(connection: NatsConnection, name: string, options: NatsLogOptions) {
    const { replicas = 1, storage = "file", deadlineMs = 10_000, idempotencyAgeMs = 120_000 } = options;
    const { inboxPrefix = "_INBOX", apiPrefix = "$JS.API" } = options;
    this.#connection = connection;
    this.#name = name;
    this.#inbox = `${inboxPrefix}.${randomEpoch()}`;
    this.#deadlineMs = deadlineMs;
    this.#idempotencyAgeMs = idempotencyAgeMs;
    this.#pendingBytes = options.pendingBytes ?? 64 * 2 ** 20;
    this.#api = new Api({ connection, prefix: apiPrefix, deadlineMs });
    this.#stream = new LogStream({
      api: this.#api,
      name,
      replicas,
      storage,
      idempotencyAgeMs,
      onTime: (atMs, askedMs) => this.#clock.told(atMs, askedMs),
      report: (error) => this.#report(error),
    });
    this.#time = new AskedTime({
      connection,
      api: this.#api,
      name,
      clock: this.#clock,
      isTold: () => this.#stream.tellsTime,
    });
    this.#reader = new Reader({
      connection,
      api: this.#api,
      apiPrefix,
      name,
      inbox: this.#inbox,
      state: (endsMs) => this.#state("read", endsMs),
      ageMs: () => this.#options!.retention.ageMs,
      boundsOf: (topic) => this.#bounds!.of(topic),
      serverMs: () => this.#clock.now(),
      isOlder: ({ offset, atMs }, ageMs) => {
        // What the tail has not met may have been stored after the server's clock was set.
        if (this.#tail === undefined || offset > this.#tail.at) return false;
        return (this.#clock.now() ?? -Infinity) - atMs > ageMs;
      },
    });
  }

  async open(options: OpenLogOptions): Promise<LogPosition> {
    if (this.#options !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#options = options;
    this.#bounds = new TopicBounds(options.retention);
    this.#report = reporter(options.onError ?? ignore);
    const state = await this.#stream.open(options.retention);
    await this.#time.ask("open");
    if (this.#closed) throw new LogError("closed", "Cannot open log: it is closed");
    this.#time.hear();
    this.#current = state;
    this.#seen = state.head;
    const instance = randomEpoch();
    this.#appender = new Appender({
      connection: this.#connection,
      deadlineMs: this.#deadlineMs,
      pendingBytes: this.#pendingBytes,
      name: this.#name,
      instance,
      inbox: `${this.#inbox}.a`,
      target: () => this.#current!,
      look: (sinceMs) => this.#look(sinceMs),
      clock: this.#clock,
      given: (offset, messageId, repeated) => this.#given(offset, messageId, repeated),
      storedBy: (offset) => this.#storedBy(offset),
    });
    this.#tail = new NatsTail({
      connection: this.#connection,
      api: this.#api,
      name: this.#name,
      inbox: `${this.#inbox}.t`,
      position: state,
      state: () => this.#state("follow"),
      isOurs: (subject) => subject.startsWith(`${this.#current!.subjects}.`),
      misplaced: (topic, subject) => this.#placement.misplaced(topic, subject),
      onOther: () => this.#renew(),
      onTime: (atMs, askedMs) => {
        if (!this.#stream.tellsTime) this.#clock.told(atMs, askedMs);
      },
      report: this.#report,
      options,
    });
    this.#unwatch = this.#watch(this.#appender, this.#tail);
    return { epoch: state.epoch, head: state.head };
  }

  keyAgeMs({ ageMs }: Pick<Retention, "ageMs">): number {
    return keyAgeOf(this.#idempotencyAgeMs, ageMs);
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    this.#assertOpen("append to");
    if (drafts.length === 0) {
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    }
    this.#placement.assertRight(drafts);
    return this.#appender!.append(drafts, options.idempotencyKey);
  }

  async read(request: ReadRequest): Promise<Page> {
    this.#assertOpen("read");
    return this.#reader.read(request);
  }

  async head(): Promise<LogPosition> {
    this.#assertOpen("read");
    const { epoch, head } = await this.#state("read");
    return { epoch, head };
  }

  async stats(): Promise<LogStats> {
    this.#assertOpen("read");
    const { epoch, head, first, messages, bytes } = await this.#state("read");
    return { epoch, head, oldest: messages === 0 ? 0 : first, messages, bytes, topics: undefined };
  }

  async follow(topics: Followed): Promise<number> {
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
    await this.#appender?.settled();
    this.#appender?.close();
    this.#api.close();
    this.#time.close();
    this.#unwatch?.();
  }

  #watch(appender: Appender, tail: NatsTail): () => void {
    const heard = ({ type, error }: NatsStatus): void => {
      const forbidden = forbiddenSubjectOf(error);
      if (forbidden !== undefined) {
        this.#api.forbidden(forbidden, error!);
        appender.forbidden(forbidden, error);
      }
      if (type !== "disconnect" && type !== "reconnect") return;
      for (const part of [this.#api, appender, tail]) part.connected(type === "reconnect");
    };
    return watchStatus(this.#connection, heard, () => {
      for (const part of [appender, tail]) part.ended();
    });
  }

  /** Where the log is now; learns whether it is another one. */
  async #state(what: string, endsMs: number = this.#api.endsMs()): Promise<StreamState> {
    const seen = this.#newest();
    const epoch = this.#current!.epoch;
    for (const giveUpMs = performance.now() + BEHIND_MS; ;) {
      const state = await this.#stream.state(what, endsMs);
      const isSame = state.epoch === epoch && epoch === this.#current!.epoch;
      if (isSame && state.head < seen) {
        if (performance.now() > giveUpMs) return this.#renew(endsMs);
        await sleep(BEHIND_RETRY_MS);
        continue;
      }
      if (state.epoch === this.#current!.epoch) this.#current = state;
      // Asked before the change that this process made meanwhile.
      else if (epoch !== this.#current!.epoch) continue;
      else this.#replaced(state);
      return state;
    }
  }

  #newest(): number {
    return Math.max(this.#seen, this.#tail?.at ?? 0);
  }

  /** What was seen is not there any more, or is another message: offsets of this epoch mean nothing now. */
  async #renew(endsMs: number = this.#api.endsMs()): Promise<StreamState> {
    const { epoch } = this.#current!;
    const state = await this.#stream.renew(epoch, endsMs);
    if (this.#current!.epoch === epoch) this.#replaced(state);
    return state;
  }

  #replaced(state: StreamState): void {
    const isNew = state.subjects !== this.#current!.subjects;
    this.#current = state;
    this.#seen = state.head;
    this.#acknowledged = { offset: 0, messageId: "" };
    // Of a stream that is new, everything can be handed on.
    const head = isNew ? state.stored - 1 : state.head;
    this.#tail?.reset({ epoch: state.epoch, head: Math.max(0, head) });
  }

  /** After trouble with appends. The server's clock may have been set meanwhile, or be another server's. */
  async #look(sinceMs: number): Promise<void> {
    await this.#state("append to");
    await this.#time.ask("append to", sinceMs);
  }

  #given(offset: number, messageId: string, repeated: boolean): Promise<void> | undefined {
    if (repeated) return undefined;
    // They are given in the order in which we ask for them, unless the stream went back.
    if (offset <= this.#acknowledged.offset) return this.#verifyNewest();
    this.#acknowledged = { offset, messageId };
    this.#seen = Math.max(this.#seen, offset);
    return undefined;
  }

  /** What a leader said may also come late, behind what the next one said: then the newest message is where it was. */
  async #verifyNewest(): Promise<void> {
    const { offset, messageId } = this.#acknowledged;
    if ((await this.#headerAt(offset, MESSAGE_ID)) !== messageId) await this.#renew();
  }

  #storedBy(offset: number): Promise<string | undefined> {
    return this.#headerAt(offset, STORED_BY);
  }

  async #headerAt(offset: number, header: string): Promise<string | undefined> {
    const subject = `STREAM.MSG.GET.${this.#name}`;
    const { message } = await this.#api.ask<{ message?: { hdrs?: string } }>(
      "append to",
      subject,
      { seq: offset },
      { accept: [404, 400] },
    );
    const headers = Buffer.from(message?.hdrs ?? "", "base64").toString();
    return new RegExp(`^${header}: (.*?)\r?$`, "m").exec(headers)?.[1];
  }

  #assertOpen(what: string): void {
    if (this.#options === undefined || this.#closed) {
      throw new LogError("closed", `Cannot ${what} log: it is closed`);
    }
  }
}
