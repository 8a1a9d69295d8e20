/**
 * Takes a log that an application gave, opens it, and closes it. Logs are written by applications too: none of it may take for ever.
 * This module is browser compatible.
 */
import { isThenable } from "../guard/foreign.ts";
import { show } from "../guard/show.ts";
import { within } from "../guard/within.ts";
import { boundedLog } from "./bounded-log.ts";
import { checkPosition } from "./foreign-results.ts";
import { type Log, LogError, type LogPosition, type OpenLogOptions } from "./log.ts";

const METHODS = ["open", "append", "read", "head", "close"] as const;

/**
 * Returns the log that an application gave, as one that answers every call in time. Given is sometimes what the log would be made of:
 * a client, a URL, `redisLog` itself.
 * @throws {TypeError} If it is none.
 * @throws {RangeError} If its `deadlineMs` is no time.
 */
export function checkedLog(action: string, log: Log): Log {
  const given = Object(log) as Partial<Record<string, unknown>>;
  if (METHODS.every((name) => typeof given[name] === "function")) return boundedLog(action, log);
  throw new TypeError(
    `Cannot ${action}: log is ${show(log)}, expected what memoryLog(), redisLog(client) or another one returns`,
  );
}

/**
 * Opens a log.
 * @throws {TypeError} If what it gives is no position. @throws What it throws.
 */
export async function openLog(log: Log, options: OpenLogOptions): Promise<LogPosition> {
  const opening: unknown = log.open(options);
  if (!isThenable(opening)) {
    throw new TypeError(`Cannot open log: open returned ${show(opening)}, expected a promise`);
  }
  return checkPosition("open log", "open", await opening);
}

/** What is under way when a log is closed may take its deadline, of ten seconds in those of ours. */
const LONGEST_CLOSE_MS = 15_000;

/**
 * Closes a log, and gives up after a deadline, so that a log that does not close blocks nobody.
 * @param patienceMs - It has as many milliseconds, where they are more than fifteen seconds.
 * @throws {LogError} `failed`: it has not closed in time. @throws What it throws.
 */
export async function closeLog(log: Pick<Log, "close">, patienceMs = 0): Promise<void> {
  const ms = Math.max(patienceMs, LONGEST_CLOSE_MS);
  const closing: unknown = log.close();
  if (await within(ms, Promise.resolve(closing).then(isDone))) return;
  throw new LogError("failed", `Cannot close log: it has not closed within ${ms} ms`);
}

const isDone = (): boolean => true;

/** What was thrown may refuse to say what it is. */
export function isLogError(thrown: unknown): thrown is LogError {
  try {
    return thrown instanceof LogError;
  } catch {
    return false;
  }
}
