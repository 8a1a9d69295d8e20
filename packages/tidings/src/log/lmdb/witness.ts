/**
 * What shows that a log was set back, by a backup that was restored say: then its offsets are given a second time, and a reader would
 * take other messages for those that it has seen. The file of the environment is another one; or what rings the bell beside it has
 * left there how far the log was.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LogPosition } from "../log.ts";

/** Bytes of what one log leaves in the bell: epoch and offset. */
const RECORD_BYTES = 48;
/** Logs of one environment share them, by name. One that finds another's there is not told. */
const RECORDS = 32;

/** The bell of an environment that is a folder, or a file alone. */
export function bellOf(path: string): string {
  return statSync(path).isDirectory() ? join(path, "tidings.bell") : `${path}-bell`;
}

/** What a log writes into the bell, and where. */
export interface BellRecord {
  readonly text: string;
  readonly position: number;
}

export function recordOf(name: string, { epoch, head }: LogPosition): BellRecord {
  return { text: `${epoch} ${head}\n`.padEnd(RECORD_BYTES), position: positionOf(name) };
}

/** Where the log was, as far as its bell says. */
export function readRecord(name: string, path: string | undefined): LogPosition | undefined {
  if (path === undefined) return undefined;
  try {
    const position = positionOf(name);
    const text = readFileSync(bellOf(path)).toString("latin1", position, position + RECORD_BYTES);
    const [, epoch, head] = /^([\w-]+) (\d+)\n/.exec(text) ?? [];
    return epoch === undefined ? undefined : { epoch, head: Number(head) };
  } catch {
    // There is none.
    return undefined;
  }
}

function positionOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)!) % 65_537;
  return (hash % RECORDS) * RECORD_BYTES;
}
