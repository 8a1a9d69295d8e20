/**
 * What a log gives, checked: logs are written by applications too. What is nonsense is refused here, with an error that says which
 * method gave it, and does not come to the streams, where it would stop a loop or never end one.
 * This module is browser compatible.
 */
import { show } from "../guard/show.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import type { Appended, Draft, Entry, LogPosition, Page, Tail, TailState } from "./log.ts";

type Given<Value> = { readonly [Name in keyof Value]?: unknown };

/** Cursors are made of it. @throws {TypeError} If it is no position. */
export function checkPosition(action: string, from: string, position: unknown): LogPosition {
  const { epoch, head } = Object(position) as Given<LogPosition>;
  const isPosition = typeof epoch === "string" && typeof head === "number";
  if (isPosition && parseCursor(formatCursor(epoch, head)) !== undefined) return position as LogPosition;
  throw wrong(action, from, position, "{ epoch, head }");
}

/** Of an earlier append with the same key, there may be more messages than of this one. */
const MOST_REPEATED = 1_000_000;

/** @throws {TypeError} If that is not where something was appended: it may be in the log, or not. */
export function checkAppended(appended: Appended, drafts: readonly Draft[]): Appended {
  const { first, last, offsets, repeated } = Object(appended) as Given<Appended>;
  if (isOffset(first) && isOffset(last) && first > 0 && last >= first) {
    const count = last - first + 1;
    if (Array.isArray(offsets)) {
      if (offsets.length > 0 && offsets.every(isOffset)) return appended;
    } else if (offsets === undefined) {
      if (repeated ? count <= MOST_REPEATED : count === drafts.length) return appended;
    }
  }
  throw wrong("append to log", "append", appended, "{ first, last, repeated }");
}

/** @throws {TypeError} If it is no page: one that does not lead on would be read for ever. */
export function checkPage(page: Page, after: number): Page {
  const { entries, through, lostThrough, head } = Object(page) as Given<Page>;
  if (
    Array.isArray(entries) &&
    isOffset(through) &&
    isOffset(lostThrough) &&
    (head === undefined || isOffset(head)) &&
    areEntries(entries, after, through)
  ) {
    return page;
  }
  throw wrong(
    "read log",
    "read",
    page,
    "{ entries, through, lostThrough }, with what comes after the offset",
  );
}

/** @throws {TypeError} If it is no part of the tail. */
export function checkTail(tail: Tail): Tail {
  const { after, through, entries } = Object(tail) as Given<Tail>;
  if (Array.isArray(entries) && isOffset(after) && isOffset(through) && areEntries(entries, after, through)) {
    return tail;
  }
  throw new TypeError(
    `Cannot follow log: onTail was called with ${show(tail)}, expected { after, through, entries }`,
  );
}

/** @throws {TypeError} If it is no state. */
export function checkState(state: TailState): TailState {
  if (state === "following" || state === "interrupted") return state;
  throw new TypeError(
    `Cannot follow log: onState was called with ${show(state)}, expected "following" or "interrupted"`,
  );
}

function areEntries(entries: readonly unknown[], after: number, through: number): boolean {
  let before = after;
  for (const entry of entries) {
    const { offset, topic, body, atMs } = Object(entry) as Given<Entry>;
    const isEntry = isOffset(offset) && typeof topic === "string" && typeof atMs === "number";
    if (!isEntry || !ArrayBuffer.isView(body) || offset <= before) return false;
    before = offset;
  }
  return before <= through;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function wrong(action: string, from: string, given: unknown, expected: string): TypeError {
  return new TypeError(`Cannot ${action}: ${from} returned ${show(given)}, expected ${expected}`);
}
