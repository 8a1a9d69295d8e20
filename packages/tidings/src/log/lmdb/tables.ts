/**
 * How a log lies in LMDB: nine tables under one name, and the state of the whole, whose version changes with every write.
 */
import type { Database, Key } from "lmdb";
import { randomEpoch } from "../cursor.ts";
import { LogError, type Appended, type Draft, type Entry, type LogPosition } from "../log.ts";
import type { BootTime } from "./boot-time.ts";
import type { LmdbEnvironment } from "./environment.ts";

/** Changes when an older version cannot read what this one writes. */
const FORMAT = 2;

/** The state of the whole log. */
export interface LogState {
  readonly format: number;
  readonly epoch: string;
  head: number;
  messages: number;
  bytes: number;
  lastAtMs: number;
  /** When it was written last. */
  written?: BootTime | undefined;
  newestDiscarded: number;
  /** What topics that are no longer remembered had discarded, at most. */
  forgotten: number;
  /** Topics that are remembered without a retained entry. */
  empty: number;
  keys: number;
  /** Bytes of what is kept for tails alone. */
  tailBytes: number;
  /** The file that it lies in, once that is known. */
  readonly file?: string | undefined;
  version: number;
}

/** By which a log is known that was set back. */
export interface Traces {
  /** The file that it lies in. */
  readonly file: string | undefined;
  /** How far it was. */
  readonly witness: LogPosition | undefined;
}

export interface TopicState {
  messages: number;
  bytes: number;
  /** The newest offset that was discarded from it. */
  discarded: number;
}

export interface LmdbTables {
  readonly env: LmdbEnvironment;
  /** Offset to entry. */
  readonly entries: Database<Uint8Array, number>;
  /** Topic and offset to time and bytes of the entry. */
  readonly index: Database<readonly [atMs: number, bytes: number], [string, number]>;
  readonly topics: Database<TopicState, string>;
  /** The newest offset that was discarded, and the topic: of topics without a retained entry. */
  readonly empty: Database<true, [number, string]>;
  /** The newest offset that was discarded from a topic, and the topic. */
  readonly losses: Database<string, number>;
  /** Entries that are discarded, but may not have been seen by other processes. */
  readonly tail: Database<Uint8Array, number>;
  readonly keys: Database<{ readonly appended: Appended; readonly atMs: number }, string>;
  /** The first offset that was appended under a key, to the key. */
  readonly ages: Database<string, number>;
  readonly log: Database<LogState, string>;
}

const MDB_DBS_FULL = -30_791;
/** What {@link openTables} opens. */
const TABLES = 9;

/** @throws {LogError} `failed` where the environment has no room for so many databases. */
export function openTables(env: LmdbEnvironment, name: string): LmdbTables {
  try {
    return tablesOf(env, name);
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== MDB_DBS_FULL) throw cause;
    // Of its types, not of its values, it is missing.
    const { maxDbs } = env as unknown as { maxDbs?: number };
    throw new LogError(
      "failed",
      `Cannot open log: its LMDB environment has room for ${String(maxDbs)} databases (maxDbs), and each log uses ${TABLES}; expected open({ maxDbs }) with ${TABLES} for each log, and one for each other database`,
      { cause },
    );
  }
}

function tablesOf(env: LmdbEnvironment, name: string): LmdbTables {
  const open = <V, K extends Key>(part: string, encoding: "binary" | "json"): Database<V, K> =>
    env.openDB<V, K>(`${name}/${part}`, { encoding });
  return {
    env,
    entries: open("entries", "binary"),
    index: open("index", "json"),
    topics: open("topics", "json"),
    empty: open("empty", "json"),
    losses: open("losses", "json"),
    tail: open("tail", "binary"),
    keys: open("keys", "json"),
    ages: open("ages", "json"),
    log: env.openDB(`${name}/log`, { encoding: "json", useVersions: true }),
  };
}

/**
 * Reads the state that is committed now, by any process; makes the log when there is none. One that was set back begins another epoch.
 * @throws {LogError} `failed` when it was written by another version.
 */
export async function openState({ env, log }: LmdbTables, { file, witness }: Traces): Promise<LogState> {
  for (;;) {
    env.resetReadTxn();
    const state = log.get("log");
    if (state?.format === FORMAT) {
      const isElsewhere = file !== undefined && state.file !== file;
      const isBehind = witness?.epoch === state.epoch && witness.head > state.head;
      const isBack = isBehind || (isElsewhere && state.file !== undefined);
      if (!isBack && !isElsewhere) return state;
      const epoch = isBack ? randomEpoch() : state.epoch;
      const next = { ...state, epoch, file: file ?? state.file, version: state.version + 1 };
      try {
        await log.ifVersion("log", state.version, () => settle(log.put("log", next, next.version)));
        await env.flushed;
      } catch (error) {
        // The disk is full, say.
        if (isBack) throw error;
        return state;
      }
      continue;
    }
    if (state !== undefined) {
      throw new LogError(
        "failed",
        `Cannot open log: it has format ${String(state.format)}, expected ${FORMAT}; give this version a log with another name, or an empty environment`,
      );
    }
    const first: LogState = {
      format: FORMAT,
      epoch: randomEpoch(),
      head: 0,
      messages: 0,
      bytes: 0,
      lastAtMs: 0,
      newestDiscarded: 0,
      forgotten: 0,
      empty: 0,
      keys: 0,
      tailBytes: 0,
      file,
      version: 1,
    };
    // Of several processes that come at once, one makes it and the others find it.
    await log.ifNoExists("log", () => {
      settle(log.put("log", first, first.version));
    });
    await env.flushed;
  }
}

/** What a key of LMDB has room for, with the offset behind it. */
const MOST_TOPIC_BYTES = 1_900;
const MOST_KEY_BYTES = 65_535;

/** @throws {RangeError} If a draft has a topic or a key that cannot be stored. */
export function assertFits({ topic, key = "" }: Draft): void {
  if (topic.length * 3 <= MOST_TOPIC_BYTES && key.length * 3 <= MOST_KEY_BYTES) return;
  // A control character takes two there.
  const topicBytes = Buffer.byteLength(topic) + (topic.match(/[\0-\u001f]/g)?.length ?? 0);
  const keyBytes = Buffer.byteLength(key);
  if (topicBytes <= MOST_TOPIC_BYTES && keyBytes <= MOST_KEY_BYTES) return;
  throw new RangeError(
    `Cannot append to log: the topic has ${topicBytes} bytes and the key ${keyBytes}, expected at most ${MOST_TOPIC_BYTES} and ${MOST_KEY_BYTES}`,
  );
}

/** The transaction reports every error in it; its parts need not. */
export function settle(write: Promise<boolean>): void {
  write.catch(() => undefined);
}

/** `[time: 8 bytes][length of topic: 2][length of key: 2][topic][key][body]`, big-endian, UTF-8. */
export function encodeEntry({ topic, key = "", body, atMs }: Entry): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const keyBytes = Buffer.byteLength(key);
  const value = Buffer.allocUnsafe(HEADER + topicBytes + keyBytes + body.length);
  value.writeDoubleBE(atMs, 0);
  value.writeUInt16BE(topicBytes, 8);
  value.writeUInt16BE(keyBytes, 10);
  value.write(topic, HEADER);
  value.write(key, HEADER + topicBytes);
  value.set(body, HEADER + topicBytes + keyBytes);
  return value;
}

export function decodeEntry(offset: number, value: Uint8Array): Entry {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const topicEnd = HEADER + buffer.readUInt16BE(8);
  const keyEnd = topicEnd + buffer.readUInt16BE(10);
  const topic = buffer.toString("utf8", HEADER, topicEnd);
  // Copied: what LMDB hands out may be overwritten with the next read.
  const body = new Uint8Array(buffer.subarray(keyEnd));
  const atMs = buffer.readDoubleBE(0);
  return keyEnd === topicEnd
    ? { offset, topic, body, atMs }
    : { offset, topic, body, atMs, key: buffer.toString("utf8", topicEnd, keyEnd) };
}

/** The topic of an entry, without the rest of it. */
export function topicOf(value: Uint8Array): string {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return buffer.toString("utf8", HEADER, HEADER + buffer.readUInt16BE(8));
}

const HEADER = 12;
