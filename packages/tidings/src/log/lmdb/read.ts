/**
 * Reads pages of a log in LMDB: topics known by name through their index, others by walking over the entries.
 * What has expired and is still on disk counts as discarded.
 */
import { isByName, type Entry, type Page, type ReadRequest, type Retention, type Selection } from "../log.ts";
import { type Head, Merge } from "../entries/merge.ts";
import { decodeEntry, topicOf, type LmdbTables, type LogState } from "./tables.ts";

/** Entries looked at in one read, so that a selection that matches nothing cannot hold the event loop. */
const MOST_WALKED = 2_000;
/** Topics read through their index for a pattern: each is a cursor of LMDB. With more, walking over the log costs less. */
const MOST_MERGED = 128;
/** What asking the patterns may cost before walking is taken for cheaper. */
const MOST_SELECT_STEPS = 30_000;
/** What looking at a row costs besides matching its topic, in characters that are matched. */
export const ROW_STEPS = 120;

/** The topics of a selection, by name; undefined when there are many, or nobody knows. */
export function namesOf({ topics }: LmdbTables, selection: Selection): readonly string[] | undefined {
  if (isByName(selection)) return selection.exact;
  const { exact = [], prefixes, matches, steps = () => 0 } = selection;
  if (prefixes === undefined) return undefined;
  const names = new Set(exact);
  const most = steps() + MOST_SELECT_STEPS;
  let looked = 0;
  for (const prefix of prefixes) {
    for (const name of topics.getKeys({ start: prefix })) {
      if (!name.startsWith(prefix)) break;
      looked += 1;
      if (looked > MOST_MERGED || steps() > most) return undefined;
      if (matches(name)) names.add(name);
    }
  }
  return [...names];
}

/** Reads topics through their index, in the order of the log. */
export function readNamed(
  { entries: table, index, topics }: LmdbTables,
  state: LogState,
  { after, maxMessages, maxBytes }: ReadRequest,
  names: readonly string[],
  retention: Retention,
  now: number,
): Page {
  let lostThrough = after < state.newestDiscarded ? state.forgotten : 0;
  const heads: IndexHead[] = [];
  for (const name of new Set(names)) {
    lostThrough = Math.max(lostThrough, topics.get(name)?.discarded ?? 0);
    const expiresMs = Math.min(retention.ageMs, retention.forTopic?.(name)?.ageMs ?? Infinity);
    const range = index.getRange({ start: [name, after + 1], end: [name, Infinity] });
    const head = new IndexHead(range[Symbol.iterator]());
    for (let { item } = head; item !== undefined && now - item.atMs > expiresMs; { item } = head) {
      lostThrough = Math.max(lostThrough, item.offset);
      head.advance();
    }
    heads.push(head);
  }
  const merge = new Merge(heads);
  const entries: Entry[] = [];
  let bytes = 0;
  let through = after;
  for (let { item } = merge; item !== undefined; { item } = merge) {
    bytes += item.size;
    if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) {
      return finish(heads, { entries, through, lostThrough, nowMs: now });
    }
    entries.push(decodeEntry(item.offset, table.get(item.offset)!));
    through = item.offset;
    merge.advance();
  }
  return finish(heads, { entries, through: Math.max(state.head, after), lostThrough, nowMs: now });
}

/**
 * Reads entry by entry, and returns those that match.
 * @param lost - The newest offset that is known to be lost.
 * @param mostSteps - Where it may stop with less than a page, in characters that are matched.
 * @returns With the page, how many entries were looked at.
 */
export function readWalking(
  { entries: table }: LmdbTables,
  state: LogState,
  { topics, after, maxMessages, maxBytes }: ReadRequest,
  retention: Retention,
  now: number,
  lost: number,
  mostSteps: number,
): { readonly page: Page; readonly walked: number } {
  const { matches, steps = () => 0 } = topics;
  const begun = steps();
  const expiries = new Map<string, number>();
  const entries: Entry[] = [];
  let lostThrough = lost;
  let bytes = 0;
  let through = after;
  let walked = 0;
  for (const { key, value } of table.getRange({ start: after + 1 })) {
    const isEnough = walked > 0 && walked * ROW_STEPS + steps() - begun >= mostSteps;
    if (walked >= MOST_WALKED || isEnough) {
      return { page: { entries, through, lostThrough, nowMs: now }, walked };
    }
    walked += 1;
    const topic = topicOf(value);
    let expiresMs = expiries.get(topic);
    if (expiresMs === undefined) {
      expiresMs = matches(topic)
        ? Math.min(retention.ageMs, retention.forTopic?.(topic)?.ageMs ?? Infinity)
        : -1;
      expiries.set(topic, expiresMs);
    }
    const entry = expiresMs < 0 ? undefined : decodeEntry(key, value);
    if (entry !== undefined && now - entry.atMs > expiresMs) {
      lostThrough = Math.max(lostThrough, key);
    } else if (entry !== undefined) {
      bytes += entry.body.length;
      if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) {
        return { page: { entries, through, lostThrough, nowMs: now }, walked };
      }
      entries.push(entry);
    }
    through = key;
  }
  through = Math.max(state.head, after);
  return { page: { entries, through, lostThrough, nowMs: now }, walked };
}

/**
 * Entries after `after` up to `through`, whatever was discarded meanwhile, for the tail.
 * @param limit - At most so many.
 */
export function readTail(
  { entries, tail }: LmdbTables,
  after: number,
  through: number,
  limit: number,
): Entry[] {
  const range = { start: after + 1, end: through + 1, limit };
  const rows = new Map<number, Uint8Array>();
  for (const { key, value } of entries.getRange(range)) rows.set(key, value);
  for (const { key, value } of tail.getRange(range)) rows.set(key, value);
  return [...rows]
    .sort(([one], [other]) => one - other)
    .slice(0, limit)
    .map(([offset, value]) => decodeEntry(offset, value));
}

interface Indexed {
  readonly offset: number;
  readonly atMs: number;
  readonly size: number;
}

/** Reads the index of one topic. */
class IndexHead implements Head<Indexed> {
  item: Indexed | undefined;
  readonly #range: IndexRange;

  constructor(range: IndexRange) {
    this.#range = range;
    this.advance();
  }

  advance(): void {
    const { done, value } = this.#range.next();
    this.item =
      done === true ? undefined : { offset: value.key[1], atMs: value.value[0], size: value.value[1] };
  }

  close(): void {
    this.#range.return?.();
  }
}

type IndexRange = Iterator<{ key: [string, number]; value: readonly [number, number] }>;

/** Closes the cursors of LMDB that were not read to their end. */
function finish(heads: readonly IndexHead[], page: Page): Page {
  for (const head of heads) head.close();
  return page;
}
