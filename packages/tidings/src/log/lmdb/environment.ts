/** What is known of an LMDB environment that the application opened, beyond what its types say. */
import type { RootDatabase } from "lmdb";
import { ignore } from "../../guard/ignore.ts";
import { LogError } from "../log.ts";

/** An environment of the `lmdb` package, as `open()` makes it. */
export type LmdbEnvironment = RootDatabase<unknown>;

/** Of its values, not of its types. */
interface Untyped {
  readonly status?: string;
  readonly path?: string;
  readonly maxReaders?: number;
  readonly overlappingSync?: boolean;
  readonly eventTurnBatching?: boolean;
  readonly env?: { readonly writeTxn?: unknown };
}

const MDB_READERS_FULL = -30_790;
const NO_KEY = "\u0001tidings.nothing";
/** Between looks whether a transaction of the application is over. */
const TRANSACTION_MS = 2;

/** Whether the application has not closed it, nor is closing it. */
export function isOpen(env: LmdbEnvironment): boolean {
  return (env as Untyped).status === "open";
}

export function pathOf(env: LmdbEnvironment): string | undefined {
  return (env as Untyped).path;
}

/** Whether a commit is seen before it is on disk; the default of `lmdb`, but for Windows. */
export function hasOverlappingSync(env: LmdbEnvironment): boolean {
  return (env as Untyped).overlappingSync === true;
}

/**
 * Whether `lmdb` joins the writes of an event turn, which is its default. The promise of such a join is `lmdb`'s own: when a
 * write fails, for want of room say, nobody can handle its rejection, and Node ends the process.
 */
export function hasEventTurnBatching(env: LmdbEnvironment): boolean {
  return (env as Untyped).eventTurnBatching !== false;
}

/** Whether a transaction of the application is open on this thread: whatever is written now becomes a part of it, and is gone if it aborts. */
export function isInTransaction(env: LmdbEnvironment): boolean {
  return ((env as Untyped).env?.writeTxn ?? null) !== null;
}

/** Resolves outside of the application's transactions, or when time is up. @returns Whether it is outside. */
export async function outsideTransactions(env: LmdbEnvironment, endsMs: number): Promise<boolean> {
  while (isInTransaction(env)) {
    if (performance.now() >= endsMs) return false;
    await new Promise((resolve) => void setTimeout(resolve, TRANSACTION_MS));
  }
  return true;
}

/**
 * Resolves with true when this process may write: no other one is in the middle of that. Not by a transaction with a callback: that waits
 * for this thread, which may wait for it.
 */
export async function canWrite(env: LmdbEnvironment): Promise<boolean> {
  // Nothing has this key, and nothing is written.
  await env.remove(NO_KEY).catch(ignore);
  return true;
}

/** What LMDB throws where it is read, with the remedy where there is one. */
export function readError(cause: unknown, env: LmdbEnvironment, action: string): unknown {
  if ((cause as { code?: unknown } | undefined)?.code !== MDB_READERS_FULL) return cause;
  const { maxReaders = 126 } = env as Untyped;
  return new LogError(
    "failed",
    `Cannot ${action} log: its LMDB environment has room for ${maxReaders} readers (maxReaders), and others take all of it; expected open({ maxReaders }) with more than there are processes and worker threads, in the process that opens it first`,
    { cause },
  );
}
