/**
 * A log on disk, in LMDB: it survives the process, and is shared by the processes of one machine. `append` resolves when the
 * operating system says that the entry is on disk; what is appended meanwhile is written together, in one transaction and
 * with one sync. A `kill -9` loses nothing that was acknowledged, and a full disk refuses with `LogError` `full`.
 *
 * Needs the `lmdb` package, which the application brings:
 * `lmdbLog(open({ path: "events", overlappingSync: false, eventTurnBatching: false }))`.
 */
import { LmdbBatch, type Append, type BatchLimits } from "./batch.ts";
import { toLogError } from "./errors.ts";
import { Follower } from "./follower.ts";
import { broadRead } from "./broad-read.ts";
import { readNamed, readTail } from "./read.ts";
import {
  hasEventTurnBatching,
  hasOverlappingSync,
  isOpen,
  openState,
  openTables,
  type LmdbEnvironment,
  type LmdbTables,
  type LogState,
} from "./tables.ts";
import { show } from "../../guard/show.ts";
import { LogClock } from "../clock.ts";
import {
  isByName,
  LogError,
  type Appended,
  type AppendOptions,
  type Draft,
  type Entry,
  type Log,
  type LogPosition,
  type LogStats,
  type OpenLogOptions,
  type Page,
  type ReadRequest,
  type Retention,
  type Tail,
} from "../log.ts";
import { checkLogOptions, type LogOptionNames } from "../log-options.ts";
import { TurnBudget } from "../turn-budget.ts";

const LMDB_OPTIONS: LogOptionNames<LmdbLogOptions> = {
  name: "other",
  pollMs: "number",
  pendingBytes: "number",
  idempotencyKeys: "number",
  idempotencyAgeMs: "number",
  emptyTopics: "number",
  now: "other",
};

export interface LmdbLogOptions {
  /** The name of the log. Use different names for several logs in one environment. Default: `"tidings"`. */
  name?: string;
  /**
   * Milliseconds between checks for what other processes appended, if the system does not report it (Linux, macOS and
   * Windows do). Default: 20. False if there are never other processes.
   */
  pollMs?: number | false;
  /** Bytes that may wait to be written; beyond that, `append` rejects with `busy`. Default: 67,108,864 (64 MiB). */
  pendingBytes?: number;
  /** The number of idempotency keys that are remembered, the newest ones. Default: 100,000. */
  idempotencyKeys?: number;
  /** Milliseconds for which an idempotency key is remembered. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number;
  /**
   * The number of topics without a retained entry that are remembered. Default: 1,000,000, at about 150 bytes each on disk. Beyond
   * that, a subscriber may get a gap although it lost nothing.
   */
  emptyTopics?: number;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: () => number;
}

/**
 * A log in an LMDB environment of the application, which may contain other data. The log does not close it: close the
 * log (or drain its hub) first. It uses nine databases of the environment (`maxDbs`).
 *
 * Open the environment with `overlappingSync: false`. Without it, `lmdb` is safe for one process only: if two processes
 * write, even for a moment during a restart, entries can be assigned twice and pages damaged.
 * Open it with `eventTurnBatching: false` too. Otherwise a full disk ends the process: `lmdb` rejects a promise that no code handles.
 * @throws {TypeError} If it is no environment of `lmdb`, is `readOnly` or has `eventTurnBatching`; or there is no such option.
 * @throws {RangeError} If a number is not above 0.
 * @throws {TypeError} If several processes are allowed (`pollMs` is not false) and the environment has `overlappingSync`.
 */
export function lmdbLog(env: LmdbEnvironment, options: LmdbLogOptions = {}): Log {
  const { pollMs, ...others } = options;
  checkLogOptions(pollMs === false ? others : options, LMDB_OPTIONS);
  const { openDB, ifVersion } = (env ?? {}) as Partial<LmdbEnvironment>;
  if (typeof openDB !== "function") {
    throw new TypeError(`Cannot make log: env is ${show(env)}, expected what open() of lmdb returns`);
  }
  // One that only reads lacks what writes.
  if (typeof ifVersion !== "function") {
    throw new TypeError(
      "Cannot make log: its LMDB environment is readOnly, expected one that can be written to",
    );
  }
  if (hasEventTurnBatching(env)) {
    throw new TypeError(
      "Cannot make log: its LMDB environment has eventTurnBatching, with which a full disk ends the process; expected open({ path, overlappingSync: false, eventTurnBatching: false })",
    );
  }
  if (pollMs !== false && hasOverlappingSync(env)) {
    throw new TypeError(
      "Cannot make log: its LMDB environment has overlappingSync, with which several processes damage what each other writes; expected open({ path, overlappingSync: false, eventTurnBatching: false }), or pollMs: false where one process alone ever opens it",
    );
  }
  return new LmdbLog(env, options);
}

interface Waiting extends Append {
  readonly bytes: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** One transaction at most: its building holds the event loop. */
const BATCH_MESSAGES = 500;
const BATCH_BYTES = 2 ** 20;
/** What broad reads may cost in one turn of the event loop, in characters that are matched: about half a millisecond. */
const MOST_STEPS_IN_TURN = 60_000;
/** Handed on at once. */
const TAIL_MESSAGES = 1_000;
/** What other processes may be behind before they miss something that was discarded: messages and bytes. */
const KEPT_MESSAGES = 8_192;
const KEPT_BYTES = 16 * 2 ** 20;

class LmdbLog implements Log {
  readonly #env: LmdbEnvironment;
  readonly #name: string;
  readonly #pollMs: number | false;
  readonly #pendingBytes: number;
  readonly #limits: BatchLimits;
  readonly #clock: LogClock;
  readonly #budget = new TurnBudget(MOST_STEPS_IN_TURN);
  #tables: LmdbTables | undefined;
  #retention: Retention = { messages: 0, bytes: 0, ageMs: 0 };
  #onTail: OpenLogOptions["onTail"] | undefined;
  #onState: OpenLogOptions["onState"];
  #onError: OpenLogOptions["onError"];
  /** The newest offset that was handed to the tail. */
  #tailed = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #follower: Follower | undefined;

  constructor(env: LmdbEnvironment, options: LmdbLogOptions) {
    this.#env = env;
    this.#name = options.name ?? "tidings";
    this.#pollMs = options.pollMs ?? 20;
    this.#pendingBytes = options.pendingBytes ?? 64 * 2 ** 20;
    this.#limits = {
      idempotencyKeys: options.idempotencyKeys ?? 100_000,
      idempotencyAgeMs: options.idempotencyAgeMs ?? 300_000,
      emptyTopics: options.emptyTopics ?? 1_000_000,
      tailMessages: options.pollMs === false ? 0 : KEPT_MESSAGES,
      tailBytes: KEPT_BYTES,
    };
    this.#clock = new LogClock({ now: options.now });
  }

  async open({ retention, onTail, onState, onError }: OpenLogOptions): Promise<LogPosition> {
    if (this.#tables !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#assertEnvironment("open");
    const tables = openTables(this.#env, this.#name);
    this.#tables = tables;
    this.#retention = retention;
    this.#onTail = onTail;
    this.#onState = onState;
    this.#onError = onError;
    const { epoch, head } = await openState(tables);
    this.#opened("open");
    this.#tailed = head;
    this.#clock.onJump = onError;
    if (this.#pollMs !== false) {
      this.#follower = new Follower({
        path: (this.#env as unknown as { path?: string }).path,
        pollMs: this.#pollMs,
        look: () => this.#lookForOthers(),
        onFailure: (error) => {
          this.#onError?.(error);
          this.#onState?.("interrupted");
          return !(error instanceof LogError && error.code === "closed");
        },
        onRecovery: () => this.#onState?.("following"),
      });
    }
    return { epoch, head };
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    if (this.#onTail === undefined) throw new LogError("closed", "Cannot append to log: it is closed");
    if (drafts.length === 0)
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#waitingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ drafts, idempotencyKey: options.idempotencyKey, bytes, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async read(request: ReadRequest): Promise<Page> {
    if (isByName(request.topics)) {
      const { tables, state, now } = this.#begin();
      return readNamed(tables, state, request, request.topics.exact, this.#retention, now);
    }
    return new Promise((resolve, reject) => {
      const read = broadRead(request, this.#retention, () => this.#begin(), resolve);
      this.#budget.run((most) => {
        try {
          return read(most);
        } catch (error) {
          reject(error);
          return { spent: 0, done: true };
        }
      });
    });
  }

  async head(): Promise<LogPosition> {
    const tables = this.#opened("read");
    this.#env.resetReadTxn();
    const { epoch, head } = tables.log.get("log")!;
    return { epoch, head };
  }

  async stats(): Promise<LogStats> {
    const tables = this.#opened("read");
    this.#env.resetReadTxn();
    const { epoch, head, messages, bytes, empty } = tables.log.get("log")!;
    const [oldest = 0] = tables.entries.getKeys({ limit: 1 });
    return { epoch, head, oldest, messages, bytes, topics: countOf(tables.topics) - empty };
  }

  async close(): Promise<void> {
    this.#onTail = undefined;
    this.#follower?.stop();
    await this.#writing;
  }

  /** What everything begins with that reads: what is committed now, by any process. */
  #begin(): { tables: LmdbTables; state: LogState; now: number } {
    const tables = this.#opened("read");
    this.#env.resetReadTxn();
    const state = tables.log.get("log")!;
    return { tables, state, now: this.#clock.read(state.lastAtMs) };
  }

  /** @throws {LogError} `closed`. */
  #opened(action: string): LmdbTables {
    if (this.#tables === undefined || this.#onTail === undefined) {
      throw new LogError("closed", `Cannot ${action} log: it is closed`);
    }
    this.#assertEnvironment(action);
    return this.#tables;
  }

  /**
   * LMDB waits for the writes it has when it closes, and is not to be given more: they would never be settled.
   * @throws {LogError} `closed`.
   */
  #assertEnvironment(action: string): void {
    if (isOpen(this.#env)) return;
    throw new LogError(
      "closed",
      `Cannot ${action} log: its LMDB environment is closed, expected the log to be closed first`,
    );
  }

  /** Writes what waits, and what comes meanwhile, until nothing does. */
  async #write(): Promise<void> {
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const appends = this.#takeBatch();
      let batch: LmdbBatch;
      try {
        batch = await this.#commit(appends);
      } catch (cause) {
        const error = await toLogError(cause, this.#env);
        for (const { reject } of appends) reject(error);
        continue;
      }
      // On disk is accepted, even if the tail fails.
      this.#tailTo(batch.entries);
      for (const [i, { resolve }] of appends.entries()) resolve(batch.results[i]!);
    }
    this.#writing = undefined;
    // What others wrote meanwhile may have been reported while this was busy.
    this.#follower?.look();
  }

  #takeBatch(): Waiting[] {
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const { drafts, bytes: size } of this.#waiting) {
      messages += drafts.length;
      bytes += size;
      if (count > 0 && (messages > BATCH_MESSAGES || bytes > BATCH_BYTES)) break;
      count += 1;
    }
    const taken = this.#waiting.splice(0, count);
    for (const { bytes: size } of taken) this.#waitingBytes -= size;
    return taken;
  }

  async #commit(appends: readonly Append[]): Promise<LmdbBatch> {
    const tables = this.#tables!;
    for (;;) {
      this.#assertEnvironment("append to");
      this.#env.resetReadTxn();
      const state = tables.log.get("log")!;
      const batch = new LmdbBatch(
        tables,
        state,
        appends,
        this.#retention,
        this.#limits,
        this.#clock.read(state.lastAtMs),
      );
      if (batch.results.every(({ repeated }) => repeated) || (await batch.commit())) return batch;
    }
  }

  #lookForOthers(): boolean {
    // What is being written comes with what others wrote before it.
    if (this.#onTail === undefined || this.#writing !== undefined) return false;
    const tables = this.#opened("follow");
    this.#env.resetReadTxn();
    const { head } = tables.log.get("log")!;
    if (head <= this.#tailed) return false;
    this.#tailThrough(head);
    return true;
  }

  #handOn(tail: Tail): void {
    this.#tailed = tail.through;
    try {
      this.#onTail?.(tail);
    } catch (error) {
      this.#onError?.(error);
    }
  }

  /** Hands on entries of our own, after what others appended before them. */
  #tailTo(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    if (first.offset > this.#tailed + 1) {
      try {
        this.#assertEnvironment("follow");
        this.#env.resetReadTxn();
        this.#tailThrough(first.offset - 1);
      } catch (error) {
        // These follow with the next look.
        this.#onError?.(error);
        return;
      }
    }
    const fresh = entries.filter(({ offset }) => offset > this.#tailed);
    if (fresh.length === 0) return;
    this.#handOn({ after: this.#tailed, through: fresh.at(-1)!.offset, entries: fresh });
  }

  #tailThrough(head: number): void {
    while (this.#tailed < head) {
      const entries = readTail(this.#tables!, this.#tailed, head, TAIL_MESSAGES);
      const [first] = entries;
      // What is not there any more was appended, and discarded, faster than this process could follow.
      const after = first === undefined ? head : first.offset - 1;
      const hole = entries.findIndex(({ offset }, i) => offset !== after + 1 + i);
      const whole = hole === -1 ? entries : entries.slice(0, hole);
      this.#handOn({ after, through: after + whole.length, entries: whole });
    }
  }
}

/** How many rows a table has, without walking over them. */
function countOf(table: LmdbTables["topics"]): number {
  return (table as unknown as { getStats: () => { entryCount: number } }).getStats().entryCount;
}
