/**
 * Bounds a log that the application wrote: a call that it never answers would hold its caller, and what was to be appended,
 * for ever. What it answers is checked. The logs of this package have deadlines of their own, and are left as they are.
 * This module is browser compatible.
 */
import { ask } from "../guard/foreign.ts";
import { positive } from "../guard/positive.ts";
import { readForeign } from "../guard/unreadable.ts";
import { checkAppended, checkPage, checkPosition, checkState, checkTail } from "./foreign-results.ts";
import { guardedOptions } from "./guarded-options.ts";
import { DeadlineTimer } from "./appending/deadline-timer.ts";
import { BYTES_BESIDE, waitingBytesOf } from "./appending/pending-bytes.ts";
import {
  type Appended,
  type AppendOptions,
  type Draft,
  type Followed,
  type Log,
  LogError,
  type LogPosition,
  type LogStats,
  type OpenLogOptions,
  type Page,
  type ReadRequest,
} from "./log.ts";

const DEFAULT_DEADLINE_MS = 30_000;
/** Of each method. */
const PENDING_BYTES = 64 * 2 ** 20;
/** Holds the log itself, so that a Proxy around one is another log. For all copies of this package in a process. */
const OWN_DEADLINES = Symbol.for("tidings.log.own-deadlines");

/** Marks a log that answers every call within deadlines of its own. */
export function ownDeadlines<Own extends Log>(log: Own): Own {
  return Object.defineProperty(log, OWN_DEADLINES, { value: log });
}

/**
 * Returns a log that answers each call within its deadline.
 * @throws {RangeError} If its `deadlineMs` is no time.
 */
export function boundedLog(action: string, log: Log): Log {
  const given = readForeign(action, "log", () => ({
    own: (log as { [OWN_DEADLINES]?: unknown })[OWN_DEADLINES],
    deadlineMs: log.deadlineMs as unknown,
  }));
  if (given.own === log && given.deadlineMs === undefined) return log;
  const { deadlineMs = DEFAULT_DEADLINE_MS } = given;
  return new BoundedLog(log, positive(action, "log.deadlineMs", deadlineMs));
}

/** What the errors say of each method. */
const ACTIONS = {
  open: "open log",
  append: "append to log",
  enlist: "append to log",
  read: "read log",
  head: "ask log where it is",
  stats: "ask log for its statistics",
  follow: "follow topics of log",
};
type Name = keyof typeof ACTIONS;

interface Call {
  readonly name: Name;
  readonly endsMs: number;
  /** Absent when it is settled: the log may keep its promise for ever, and must not keep what waited for that. */
  reject: ((error: unknown) => void) | undefined;
  resolve: ((result: never) => void) | undefined;
}

class BoundedLog implements Log {
  readonly #log: Log;
  readonly #deadlineMs: number;
  /** In the order in which their time is up. */
  readonly #calls = new Set<Call>();
  /** What the log has not answered, also where nobody waits for that any more. */
  readonly #pendingBytes = new Map<Name, number>();
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#rejectLate(nowMs));
  readonly enlist?: NonNullable<Log["enlist"]>;
  readonly keyAgeMs?: NonNullable<Log["keyAgeMs"]>;
  readonly follow?: NonNullable<Log["follow"]>;
  readonly unfollow?: NonNullable<Log["unfollow"]>;

  constructor(log: Log, deadlineMs: number) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
    if (typeof log.enlist === "function") {
      this.enlist = (transaction, drafts, options) =>
        this.#call("enlist", () => log.enlist!(transaction, drafts, options), waitingBytesOf(drafts));
    }
    if (typeof log.keyAgeMs === "function") this.keyAgeMs = (retention) => log.keyAgeMs!(retention);
    if (typeof log.follow === "function") {
      this.follow = (topics: Followed) => this.#call("follow", () => log.follow!(topics));
    }
    if (typeof log.unfollow === "function") this.unfollow = (topics) => log.unfollow!(topics);
  }

  open(options: OpenLogOptions): Promise<LogPosition> {
    const { onTail, onReset, onState } = options;
    const checked = guardedOptions({
      ...options,
      onTail: (tail) => onTail(checkTail(tail)),
      onReset: (position) => onReset?.(checkPosition("follow log", "onReset", position)),
      onState: (state) => onState?.(checkState(state)),
    });
    return this.#call("open", () => this.#log.open(checked));
  }

  async append(drafts: readonly Draft[], options?: AppendOptions): Promise<Appended> {
    const run = (): Promise<Appended> => this.#log.append(drafts, options);
    return checkAppended(await this.#call("append", run, waitingBytesOf(drafts)), drafts);
  }

  async read(request: ReadRequest): Promise<Page> {
    return checkPage(await this.#call("read", () => this.#log.read(request)), request.after);
  }

  async head(): Promise<LogPosition> {
    return checkPosition("ask log where it is", "head", await this.#call("head", () => this.#log.head()));
  }

  stats(): Promise<LogStats> {
    return this.#call("stats", () => this.#log.stats());
  }

  /** Waited for by `closeLog`, which has a deadline. What is under way gets its answer before, or none. */
  async close(): Promise<void> {
    try {
      await this.#log.close();
    } finally {
      this.#deadlines.clear();
      for (const call of this.#calls) this.#reject(call, "closed", "it was closed");
    }
  }

  #call<Result>(name: Name, run: () => Promise<Result>, bytes: number = BYTES_BESIDE): Promise<Result> {
    const pending = this.#pendingBytes.get(name) ?? 0;
    if (pending > 0 && pending + bytes > PENDING_BYTES) {
      const message = `Cannot ${ACTIONS[name]}: calls of ${name} that hold ${pending} bytes have not settled`;
      return Promise.reject(new LogError("busy", message));
    }
    return new Promise((resolve, reject) => {
      const endsMs = performance.now() + this.#deadlineMs;
      const call: Call = { name, endsMs, resolve, reject };
      this.#calls.add(call);
      this.#pendingBytes.set(name, pending + bytes);
      if (endsMs < Infinity) this.#deadlines.arm(endsMs);
      ask(
        run,
        (result) => {
          this.#end(call, bytes);
          call.resolve?.(result as never);
        },
        (error) => {
          this.#end(call, bytes);
          call.reject?.(error);
        },
      );
    });
  }

  #end(call: Call, bytes: number): void {
    this.#calls.delete(call);
    this.#pendingBytes.set(call.name, this.#pendingBytes.get(call.name)! - bytes);
  }

  /** @returns When the next one's time is up. */
  #rejectLate(nowMs: number): number | undefined {
    for (const call of this.#calls) {
      if (call.endsMs > nowMs) return call.endsMs;
      this.#reject(
        call,
        "failed",
        `${call.name} has not settled within ${this.#deadlineMs} ms (deadlineMs of the log)`,
      );
    }
    return undefined;
  }

  #reject(call: Call, code: LogError["code"], why: string): void {
    const { name, reject } = call;
    this.#calls.delete(call);
    const doubt = name === "append" || name === "enlist" ? ", and may still append" : "";
    reject?.(new LogError(code, `Cannot ${ACTIONS[name]}: ${why}${doubt}`));
    call.resolve = call.reject = undefined;
  }
}
