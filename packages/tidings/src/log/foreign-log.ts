/**
 * What a log says of where it is, and where it put what was appended, and how long it may take to close. Logs are written by
 * applications too, and cursors are made of this.
 * This module is browser compatible.
 */
import { isThenable } from "../guard/foreign.ts";
import { show } from "../guard/show.ts";
import { within } from "../guard/within.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import { type Appended, type Log, LogError, type LogPosition, type OpenLogOptions } from "./log.ts";

const METHODS = ["open", "append", "read", "head", "close"] as const;

/**
 * Returns the log that an application gave. Given is sometimes what the log would be made of: a client, a URL, `redisLog` itself.
 * @throws {TypeError} If it is none.
 */
export function checkedLog(action: string, log: Log): Log {
  const given = Object(log) as Partial<Record<string, unknown>>;
  if (METHODS.every((name) => typeof given[name] === "function")) return log;
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
  if (!isThenable(opening)) throw wrong(opening, "a promise");
  const position: unknown = await opening;
  if (typeof position === "object" && position !== null) {
    const { epoch, head } = position as { epoch?: unknown; head?: unknown };
    const isPosition = typeof epoch === "string" && typeof head === "number";
    if (isPosition && parseCursor(formatCursor(epoch, head)) !== undefined) return position as LogPosition;
  }
  throw wrong(position, "{ epoch, head }");
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

/** @throws {TypeError} If that is not where something was appended: it may be in the log, or not. */
export function checkAppended(appended: Appended): Appended {
  const { first, last } = Object(appended) as { first?: unknown; last?: unknown };
  if (typeof first === "number" && typeof last === "number" && first > 0 && last >= first) return appended;
  throw new TypeError(
    `Cannot append to log: append returned ${show(appended)}, expected { first, last, repeated }`,
  );
}

/** What was thrown may refuse to say what it is. */
export function isLogError(thrown: unknown): thrown is LogError {
  try {
    return thrown instanceof LogError;
  } catch {
    return false;
  }
}

function wrong(given: unknown, expected: string): TypeError {
  return new TypeError(`Cannot open log: open returned ${show(given)}, expected ${expected}`);
}
