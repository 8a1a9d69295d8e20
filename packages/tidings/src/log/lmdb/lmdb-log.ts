/**
 * A log on disk, in LMDB: it survives the process, and is shared by the processes of one machine. `append` resolves when the
 * operating system says that the entry is on disk; what is appended meanwhile is written together, in one transaction and
 * with one sync. A `kill -9` loses nothing that was acknowledged, and a full disk refuses with `LogError` `full`.
 *
 * Needs the `lmdb` package, which the application brings:
 * `lmdbLog(open({ path: "events", overlappingSync: false, eventTurnBatching: false }))`.
 */
import { LmdbBatch, type BatchLimits } from "./batch.ts";
import { timeAfter } from "./boot-time.ts";
import { DataFile } from "./data-file.ts";
import { toLogError } from "./errors.ts";
import { Follower } from "./follower.ts";
import { broadRead } from "./broad-read.ts";
import { readNamed } from "./read.ts";
import {
  assertFits,
  hasEventTurnBatching,
  hasOverlappingSync,
  isOpen,
  openState,
  openTables,
  type LmdbEnvironment,
  type LmdbTables,
  type LogState,
} from "./tables.ts";
import { LmdbTail } from "./tail.ts";
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";
import { AppendQueue, type QueuedAppend } from "../appending/append-queue.ts";
import { LogClock } from "../time/clock.ts";
import { DeadlineTimer } from "../appending/deadline-timer.ts";
import {
  isByName,
  LogError,
  type Appended,
  type AppendOptions,
  type Draft,
  type Log,
  type LogPosition,
  type LogStats,
  type OpenLogOptions,
  type Page,
  type ReadRequest,
  type Retention,
} from "../log.ts";
import { ownDeadlines } from "../bounded-log.ts";
import { guardedOptions } from "../guarded-options.ts";
import { checkLogOptions, type LogOptionNames } from "../log-options.ts";
import { TurnBudget } from "../time/turn-budget.ts";

const LMDB_OPTIONS: LogOptionNames<LmdbLogOptions> = {
  name: "other",
  pollMs: "number",
  deadlineMs: "number",
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
   * Windows do, by a file `tidings.bell` beside the environment). Default: 20. False if there are never other processes.
   */
  pollMs?: number | false;
  /**
   * Milliseconds after which an append that is not on disk is rejected: another process is in the middle of a write and does not go
   * on, say. Default: 10,000.
   */
  deadlineMs?: number;
  /**
   * Bytes that may wait to be written, and 1,000 for each message; beyond that, `append` rejects with `busy`. Default: 67,108,864
   * (64 MiB). At most 96 MiB.
   */
  pendingBytes?: number;
  /** The number of idempotency keys that are remembered, the newest ones. Default: 100,000. At most 100,000 entries, on disk. */
  idempotencyKeys?: number;
  /** Milliseconds for which an idempotency key is remembered; with presence, 120,000 or more. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number;
  /**
   * The number of topics without a retained entry that are remembered. Default: 1,000,000, at about 150 bytes each on disk. Beyond
   * that, a subscriber may get a gap although it lost nothing.
   * At most 150 MiB, on disk.
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
  return ownDeadlines(new LmdbLog(env, options));
}

/** What broad reads may cost in one turn of the event loop, in characters that are matched: about half a millisecond. */
const MOST_STEPS_IN_TURN = 60_000;
/** What other processes may be behind before they miss something that was discarded: messages and bytes. */
const KEPT_MESSAGES = 8_192;
const KEPT_BYTES = 16 * 2 ** 20;
/** Between looks whether a process died that was reading: LMDB keeps for it all that is discarded since. */
const READERS_MS = 1_000;

class LmdbLog implements Log {
  readonly #env: LmdbEnvironment;
  readonly #name: string;
  readonly #pollMs: number | false;
  readonly #deadlineMs: number;
  readonly #queue: AppendQueue;
  readonly #limits: BatchLimits;
  readonly #clock: LogClock;
  #isTimeKnown = false;
  readonly #budget = new TurnBudget(MOST_STEPS_IN_TURN);
  #tables: LmdbTables | undefined;
  #retention: Retention = { messages: 0, bytes: 0, ageMs: 0 };
  #isOpen = false;
  #tail: LmdbTail | undefined;
  #onState: OpenLogOptions["onState"];
  #onError: OpenLogOptions["onError"];
  #isWriting = false;
  #file: DataFile | undefined;
  #readersMs = -Infinity;
  #follower: Follower | undefined;

  constructor(env: LmdbEnvironment, options: LmdbLogOptions) {
    this.#env = env;
    this.#name = options.name ?? "tidings";
    this.#pollMs = options.pollMs ?? 20;
    this.#deadlineMs = options.deadlineMs ?? 10_000;
    this.#queue = new AppendQueue({
      writer: "LMDB",
      deadlineMs: this.#deadlineMs,
      pendingBytes: options.pendingBytes ?? 64 * 2 ** 20,
    });
    this.#limits = {
      idempotencyKeys: options.idempotencyKeys ?? 100_000,
      idempotencyAgeMs: options.idempotencyAgeMs ?? 300_000,
      emptyTopics: options.emptyTopics ?? 1_000_000,
      tailMessages: options.pollMs === false ? 0 : KEPT_MESSAGES,
      tailBytes: KEPT_BYTES,
    };
    this.#clock = new LogClock({ now: options.now });
  }

  async open(options: OpenLogOptions): Promise<LogPosition> {
    const { retention, onTail, onState, onError } = guardedOptions(options);
    if (this.#tables !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#assertEnvironment("open");
    const tables = openTables(this.#env, this.#name);
    this.#tables = tables;
    this.#file = new DataFile((this.#env as unknown as { path?: string }).path);
    this.#isOpen = true;
    this.#retention = retention;
    this.#onState = onState;
    this.#onError = onError;
    const { epoch, head } = await this.#inTime(openState(tables));
    this.#opened("open");
    this.#tail = new LmdbTail({
      tables,
      head,
      refresh: () => {
        this.#assertEnvironment("follow");
        this.#env.resetReadTxn();
      },
      onTail,
      onError,
    });
    this.#clock.onJump = onError;
    if (this.#pollMs !== false) {
      this.#follower = new Follower({
        path: (this.#env as unknown as { path?: string }).path,
        pollMs: this.#pollMs,
        // What is being written comes with what others wrote before it.
        look: () => this.#isOpen && !this.#isWriting && this.#tail!.look(),
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

  keyAgeMs(): number {
    return this.#limits.idempotencyAgeMs;
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    if (!this.#isOpen || this.#tail === undefined)
      throw new LogError("closed", "Cannot append to log: it is closed");
    if (drafts.length === 0)
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    // While a transaction is written, an error would leave a part of it.
    for (const draft of drafts) assertFits(draft);
    const appended = this.#queue.append(drafts, options.idempotencyKey);
    if (!this.#isWriting) void this.#write();
    return appended;
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
    this.#isOpen = false;
    this.#tail?.close();
    this.#follower?.stop();
    await this.#queue.settled();
  }

  /** @throws {LogError} `failed`, when another process is in the middle of a write and does not go on, say. */
  async #inTime<T>(opening: Promise<T>): Promise<T> {
    let timer: DeadlineTimer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = new DeadlineTimer(() => {
        const message = `Cannot open log: LMDB did not do it within ${this.#deadlineMs} ms`;
        reject(new LogError("failed", message));
        return undefined;
      });
      timer.arm(performance.now() + this.#deadlineMs);
    });
    opening.catch(ignore);
    try {
      return await Promise.race([opening, late]);
    } finally {
      timer?.clear();
    }
  }

  /** What everything begins with that reads: what is committed now, by any process. */
  #begin(): { tables: LmdbTables; state: LogState; now: number } {
    const tables = this.#opened("read");
    this.#env.resetReadTxn();
    const state = tables.log.get("log")!;
    return { tables, state, now: this.#timeOf(state) };
  }

  #timeOf({ lastAtMs, written }: LogState): number {
    if (this.#isTimeKnown) return this.#clock.read(lastAtMs);
    this.#isTimeKnown = true;
    return this.#clock.read(lastAtMs, timeAfter(written));
  }

  /** @throws {LogError} `closed`. */
  #opened(action: string): LmdbTables {
    if (this.#tables === undefined || !this.#isOpen) {
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
    this.#isWriting = true;
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    const queue = this.#queue;
    for (let appends = queue.take(); appends.length > 0; appends = queue.take()) {
      await this.#send(appends);
      queue.end();
    }
    this.#isWriting = false;
    // What others wrote meanwhile may have been reported while this was busy.
    this.#follower?.look();
  }

  async #send(appends: readonly QueuedAppend[]): Promise<void> {
    try {
      const batch = await this.#commit(appends);
      this.#file?.assertInPlace();
      this.#follower?.ring();
      // On disk is accepted, even if the tail fails.
      this.#tail!.append(batch.entries);
      this.#queue.resolve(appends, batch.results);
    } catch (cause) {
      const error = await toLogError(cause, this.#env);
      if (appends.length === 1 || cause instanceof LogError || error.code !== "failed") {
        this.#queue.reject(appends, error);
        return;
      }
      // One that cannot be written, such as for a topic that is too long, is rejected alone.
      for (const one of appends) await this.#send([one]);
    }
  }

  async #commit(appends: readonly QueuedAppend[]): Promise<LmdbBatch> {
    const tables = this.#tables!;
    for (;;) {
      this.#assertEnvironment("append to");
      this.#forgetDeadReaders();
      this.#env.resetReadTxn();
      const state = tables.log.get("log")!;
      const batch = new LmdbBatch(tables, state, appends, this.#retention, this.#limits, this.#timeOf(state));
      if (batch.results.every(({ repeated }) => repeated) || (await batch.commit())) return batch;
      if (this.#queue.leftMs(appends) > 0) continue;
      const message = `Cannot append to log: other processes were faster for ${this.#deadlineMs} ms, and it was not appended`;
      throw new LogError("failed", message);
    }
  }

  #forgetDeadReaders(): void {
    const nowMs = performance.now();
    if (this.#pollMs === false || nowMs - this.#readersMs < READERS_MS) return;
    this.#readersMs = nowMs;
    this.#env.readerCheck();
  }
}

/** How many rows a table has, without walking over them. */
function countOf(table: LmdbTables["topics"]): number {
  return (table as unknown as { getStats: () => { entryCount: number } }).getStats().entryCount;
}
