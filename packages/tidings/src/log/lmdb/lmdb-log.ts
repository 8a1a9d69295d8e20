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
import {
  hasEventTurnBatching,
  hasOverlappingSync,
  isOpen,
  canWrite,
  outsideTransactions,
  pathOf,
  readError,
  type LmdbEnvironment,
} from "./environment.ts";
import { toLogError } from "./errors.ts";
import { Follower } from "./follower.ts";
import { broadRead } from "./broad-read.ts";
import { inTime } from "./in-time.ts";
import { LMDB_OPTIONS, type LmdbLogOptions } from "./options.ts";
import { readNamed } from "./read.ts";
import { assertFits, openState, openTables, settle, type LmdbTables, type LogState } from "./tables.ts";
import { LmdbTail } from "./tail.ts";
import { readRecord, recordOf } from "./witness.ts";
import { show } from "../../guard/show.ts";
import { AppendQueue, type QueuedAppend } from "../appending/append-queue.ts";
import { LogClock } from "../time/clock.ts";
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
import { randomEpoch } from "../cursor.ts";
import { guardedOptions } from "../guarded-options.ts";
import { checkLogOptions } from "../log-options.ts";
import { TurnBudget } from "../time/turn-budget.ts";

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
  #isOpening = false;
  #isRenewing = false;
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
    const { retention, onTail, onReset, onState, onError } = guardedOptions(options);
    if (this.#tables !== undefined || this.#isOpening) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    this.#assertEnvironment("open");
    this.#retention = retention;
    this.#onState = onState;
    this.#onError = onError;
    this.#isOpen = this.#isOpening = true;
    const position = await this.#openTables(performance.now() + this.#deadlineMs).finally(
      () => (this.#isOpening = false),
    );
    this.#tail = new LmdbTail({
      tables: this.#opened("open"),
      position,
      refresh: () => this.#stateNow("follow"),
      onBack: () => void this.#renew(),
      onTail,
      onReset,
      onError,
    });
    this.#clock.onJump = onError;
    if (this.#pollMs !== false) {
      this.#follower = new Follower({
        path: pathOf(this.#env),
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
    return position;
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
    const { epoch, head } = this.#stateNow("read");
    return { epoch, head };
  }

  async stats(): Promise<LogStats> {
    const { epoch, head, messages, bytes, empty } = this.#stateNow("read");
    const { entries, topics } = this.#tables!;
    const [oldest = 0] = entries.getKeys({ limit: 1 });
    return { epoch, head, oldest, messages, bytes, topics: countOf(topics) - empty };
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#tail?.close();
    this.#follower?.stop();
    await this.#queue.settled();
  }

  /**
   * Opens them as soon as nobody else writes: they are opened by a write that would hold this thread until then.
   * @throws {LogError} `failed`, when another process is in the middle of a write and does not go on, say.
   */
  async #openTables(endsMs: number): Promise<LogPosition> {
    const env = this.#env;
    const late = (): LogError =>
      new LogError(
        "failed",
        `Cannot open log: LMDB did not do it within ${this.#deadlineMs} ms; another process may be in the middle of a write, or a transaction of this one`,
      );
    const free = outsideTransactions(env, endsMs).then((isFree) => isFree && canWrite(env));
    if (!(await inTime(free, endsMs, late))) throw late();
    if (!this.#isOpen) throw new LogError("closed", "Cannot open log: it is closed");
    this.#assertEnvironment("open");
    try {
      const tables = openTables(env, this.#name);
      this.#tables = tables;
      this.#file = new DataFile(pathOf(env));
      const traces = { file: this.#file.identity, witness: readRecord(this.#name, pathOf(env)) };
      const { epoch, head } = await inTime(openState(tables, traces), endsMs, late);
      return { epoch, head };
    } catch (error) {
      throw readError(error, env, "open");
    }
  }

  /** What everything begins with that reads. */
  #begin(): { tables: LmdbTables; state: LogState; now: number } {
    const state = this.#stateNow("read");
    return { tables: this.#tables!, state, now: this.#timeOf(state) };
  }

  /** @throws {LogError} `closed`. */
  #stateNow(action: string): LogState {
    this.#opened(action);
    return this.#committed(action);
  }

  /** What is committed now, by any process. */
  #committed(action: string): LogState {
    let state: LogState | undefined;
    try {
      this.#env.resetReadTxn();
      state = this.#tables!.log.get("log");
    } catch (error) {
      throw readError(error, this.#env, action);
    }
    if (state !== undefined) return state;
    throw new LogError("failed", `Cannot ${action} log: it is not in its LMDB environment any more`);
  }

  /** What was handed on is not there any more: offsets of this epoch mean nothing now. */
  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    try {
      const state = this.#stateNow("follow");
      const isFree = await outsideTransactions(this.#env, performance.now() + this.#deadlineMs);
      if (!isFree || !this.#tail!.isBehind(state)) return;
      const next = { ...state, epoch: randomEpoch(), version: state.version + 1 };
      const { log } = this.#tables!;
      await log.ifVersion("log", state.version, () => settle(log.put("log", next, next.version)));
      this.#follower?.look();
    } catch (error) {
      this.#onError?.(error);
    } finally {
      this.#isRenewing = false;
    }
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
      const last = batch.entries.at(-1);
      const { epoch } = batch;
      if (last !== undefined) this.#follower?.ring(recordOf(this.#name, { epoch, head: last.offset }));
      // On disk is accepted, even if the tail fails.
      this.#tail!.append(epoch, batch.entries);
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
      if (!(await this.#isOutside(appends))) {
        const message = `Cannot append to log: a transaction of the application was open in its LMDB environment for ${this.#deadlineMs} ms, and it was not appended; expected that the transaction does not wait for it`;
        throw new LogError("failed", message);
      }
      this.#assertEnvironment("append to");
      this.#forgetDeadReaders();
      const read = this.#committed("append to");
      const state = this.#tail!.isBehind(read) ? { ...read, epoch: randomEpoch() } : read;
      const batch = new LmdbBatch(tables, state, appends, this.#retention, this.#limits, this.#timeOf(state));
      if (batch.results.every(({ repeated }) => repeated) || (await batch.commit())) return batch;
      if (this.#queue.leftMs(appends) > 0) continue;
      const message = `Cannot append to log: other processes were faster for ${this.#deadlineMs} ms, and it was not appended`;
      throw new LogError("failed", message);
    }
  }

  /** What is written in a transaction of the application is gone where that aborts. */
  async #isOutside(appends: readonly QueuedAppend[]): Promise<boolean> {
    return outsideTransactions(this.#env, performance.now() + this.#queue.leftMs(appends));
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
