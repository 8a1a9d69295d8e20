/**
 * Reads pages of a log in LMDB: topics known by name through their index, others by walking over the entries.
 * What has expired and is still on disk counts as discarded.
 */
import { decodeEntry, type LmdbTables, type LogState } from "./lmdb-tables.ts";
import type { Entry, Page, ReadRequest, Retention } from "./log.ts";

/** Entries looked at in one read, so that a selection that matches nothing cannot hold the event loop. */
const MOST_WALKED = 5_000;

export function readExact(
  { entries: table, index, topics }: LmdbTables,
  state: LogState,
  { after, maxMessages, maxBytes }: ReadRequest,
  names: readonly string[],
  retention: Retention,
  now: number,
): Page {
  let lostThrough = after < state.newestDiscarded ? state.forgotten : 0;
  const heads: Head[] = [];
  for (const name of new Set(names)) {
    lostThrough = Math.max(lostThrough, topics.get(name)?.discarded ?? 0);
    const expiresMs = Math.min(retention.ageMs, retention.forTopic?.(name)?.ageMs ?? Infinity);
    const range = index.getRange({ start: [name, after + 1], end: [name, Infinity] });
    const head = { range: range[Symbol.iterator](), next: undefined as Indexed | undefined };
    advance(head);
    while (head.next !== undefined && now - head.next.atMs > expiresMs) {
      lostThrough = Math.max(lostThrough, head.next.offset);
      advance(head);
    }
    heads.push(head);
  }
  const entries: Entry[] = [];
  let bytes = 0;
  let through = after;
  for (;;) {
    let first: Head | undefined;
    for (const head of heads) {
      if (head.next !== undefined && (first === undefined || head.next.offset < first.next!.offset))
        first = head;
    }
    if (first === undefined)
      return finish(heads, { entries, through: Math.max(state.head, after), lostThrough });
    const { offset, size } = first.next!;
    bytes += size;
    if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) {
      return finish(heads, { entries, through, lostThrough });
    }
    entries.push(decodeEntry(offset, table.get(offset)!));
    through = offset;
    advance(first);
  }
}

export function readWalking(
  { entries: table, topics }: LmdbTables,
  state: LogState,
  { topics: { matches }, after, maxMessages, maxBytes }: ReadRequest,
  retention: Retention,
  now: number,
): Page {
  let lostThrough = 0;
  if (after < state.newestDiscarded) {
    lostThrough = state.forgotten;
    for (const { key, value } of topics.getRange({})) {
      if (value.discarded > lostThrough && matches(key)) lostThrough = value.discarded;
    }
  }
  const expiries = new Map<string, number>();
  const entries: Entry[] = [];
  let bytes = 0;
  let through = after;
  let walked = 0;
  for (const { key, value } of table.getRange({ start: after + 1 })) {
    walked += 1;
    if (walked > MOST_WALKED) return { entries, through, lostThrough };
    const entry = decodeEntry(key, value);
    let expiresMs = expiries.get(entry.topic);
    if (expiresMs === undefined) {
      expiresMs = matches(entry.topic)
        ? Math.min(retention.ageMs, retention.forTopic?.(entry.topic)?.ageMs ?? Infinity)
        : -1;
      expiries.set(entry.topic, expiresMs);
    }
    if (expiresMs >= 0 && now - entry.atMs > expiresMs) {
      lostThrough = Math.max(lostThrough, key);
    } else if (expiresMs >= 0) {
      bytes += entry.body.length;
      if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) {
        return { entries, through, lostThrough };
      }
      entries.push(entry);
    }
    through = key;
  }
  return { entries, through: Math.max(state.head, after), lostThrough };
}

interface Indexed {
  readonly offset: number;
  readonly atMs: number;
  readonly size: number;
}

interface Head {
  readonly range: Iterator<{ key: [string, number]; value: readonly [number, number] }>;
  next: Indexed | undefined;
}

function advance(head: Head): void {
  const { done, value } = head.range.next();
  head.next =
    done === true ? undefined : { offset: value.key[1], atMs: value.value[0], size: value.value[1] };
}

/** Closes the cursors of LMDB that were not read to their end. */
function finish(heads: readonly Head[], page: Page): Page {
  for (const { range } of heads) range.return?.();
  return page;
}
