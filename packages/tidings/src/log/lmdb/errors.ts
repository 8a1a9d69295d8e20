/**
 * What LMDB rejects a write with, as an error that a program can act on: out of room, or anything else.
 */
import { statfsSync } from "node:fs";
import { pathOf, type LmdbEnvironment } from "./environment.ts";
import { LogError } from "../log.ts";

/** Nothing was written when LMDB said `rejection`. */
export async function toLogError(rejection: unknown, env: LmdbEnvironment): Promise<LogError> {
  if (rejection instanceof LogError) return rejection;
  const cause = await causeOf(rejection);
  const { code } = cause as { code?: unknown };
  const path = pathOf(env);
  if (
    code === MDB_MAP_FULL ||
    code === ENOSPC ||
    code === EFBIG ||
    code === EDQUOT ||
    (code === EIO && path !== undefined && hasNoRoom(path))
  ) {
    const where = path ?? "the environment";
    return new LogError("full", `Cannot append to log: no room is left at ${where}`, { cause });
  }
  return new LogError("failed", `Cannot append to log: ${String(cause)}`, { cause });
}

/** LMDB's rejections lead to their cause by a promise. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (commitError === undefined) return error;
  try {
    await commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

/** LMDB calls a write that was cut short for want of room an I/O error. */
function hasNoRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < 2 ** 20;
  } catch {
    return false;
  }
}

const MDB_MAP_FULL = -30_792;
const ENOSPC = 28;
const EFBIG = 27;
const EDQUOT = 122;
const EIO = 5;
