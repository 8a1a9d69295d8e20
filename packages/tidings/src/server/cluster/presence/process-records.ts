/**
 * What a process tells the others of itself, as records, and what it takes from theirs: checked, and bounded.
 * This module is browser compatible.
 */
import { show } from "../../../guard/show.ts";
import type { Draft } from "../../../log/log.ts";
import type { HubStatistics } from "../../observe/hub-stats.ts";
import { MOST_TOPIC_BYTES } from "../../topics/topic-selection.ts";
import { isReserved, PROCESSES_TOPIC } from "../../topics/reserved-topics.ts";
import { encodeRecord } from "../control-record.ts";
import type { TopicChange } from "./local-presence.ts";

/** The numbers of `hub.stats()`, as another process told them. */
export type ProcessStatistics = Readonly<Record<(typeof NUMBERS)[number], number>>;

const NUMBERS = [
  "streams",
  "blockedStreams",
  "subscriberGroups",
  "routes",
  "recentMessages",
  "recentBytes",
  "deliveries",
  "writes",
  "bytes",
  "heartbeats",
  "published",
  "opened",
] as const;

export interface ProcessIdentity {
  readonly id: string;
  readonly name: string;
  readonly startedAtMs: number;
  readonly leaseMs: number;
}

/** Bytes of topics and names in one record, about. */
const RECORD_BYTES = 65_536;
const LONGEST_ID = 100;
/** Of a subscriber. Those of longer names are counted, and not named. */
const LONGEST_MEMBER = 256;

export function statisticsOf(stats: HubStatistics): ProcessStatistics {
  return Object.fromEntries(NUMBERS.map((name) => [name, stats[name]])) as ProcessStatistics;
}

/** How far a process has come. */
export interface Progress {
  /** It has published who joined and left by its records up to this offset. */
  readonly published: number;
  /** The newest record that it has taken. */
  readonly heard: number;
  /** It has been there for a lease: whoever was dead when it began is declared gone. */
  readonly knowsAll: boolean;
}

export function encodeAlive(identity: ProcessIdentity, stats: ProcessStatistics, progress: Progress): Draft {
  return encodeRecord(PROCESSES_TOPIC, "alive", { ...identity, stats, ...progress });
}

/** Of a record of presence. */
export interface PresenceHead {
  readonly process: string;
  /** Who publishes what it changes. Default: the process itself. */
  readonly publisher?: string | undefined;
  /** It is all there is, and whether that may be the first that the others are told. */
  readonly all?: { readonly begins: boolean } | undefined;
}

/** Presence of a process, in as many records as it takes: what changed, or all there is. */
export function encodePresence(
  { process, publisher, all }: PresenceHead,
  changes: readonly TopicChange[],
): Draft[] {
  const parts: (readonly [string, number, readonly string[], readonly string[]])[][] = [[]];
  let bytes = 0;
  for (const { topic, streams, joined, left } of changes) {
    for (const [topicPart, joinedPart, leftPart] of split(
      topic,
      joined.filter(isShort),
      left.filter(isShort),
    )) {
      const size = 40 + 3 * (topicPart.length + lengthOf(joinedPart) + lengthOf(leftPart));
      if (bytes + size > RECORD_BYTES && bytes > 0) {
        parts.push([]);
        bytes = 0;
      }
      bytes += size;
      parts.at(-1)!.push([topicPart, streams, joinedPart, leftPart]);
    }
  }
  return parts.map((topics, part) =>
    encodeRecord(PROCESSES_TOPIC, "presence", {
      process,
      publisher,
      topics,
      ...(all && { all: true, ...all, first: part === 0, last: part === parts.length - 1 }),
    }),
  );
}

/** Names in one line of a record. */
const MOST_NAMES = 200;

function* split(
  topic: string,
  joined: readonly string[],
  left: readonly string[],
): Generator<readonly [string, readonly string[], readonly string[]]> {
  for (let at = 0; at === 0 || at < Math.max(joined.length, left.length); at += MOST_NAMES) {
    yield [topic, joined.slice(at, at + MOST_NAMES), left.slice(at, at + MOST_NAMES)];
  }
}

const isShort = (member: string): boolean => member.length <= LONGEST_MEMBER;
const lengthOf = (names: readonly string[]): number => names.reduce((sum, { length }) => sum + length + 3, 0);

/** @throws {TypeError} If it is none. */
export function decodeAlive(fields: Readonly<Record<string, unknown>>): {
  readonly identity: ProcessIdentity;
  readonly stats: ProcessStatistics;
  readonly progress: Progress;
} {
  const { leaseMs, startedAtMs, stats, published, heard, knowsAll } = fields;
  const identity = {
    id: textOf(fields, "id"),
    name: textOf(fields, "name"),
    startedAtMs: isNumber(startedAtMs) ? startedAtMs : 0,
    leaseMs: isNumber(leaseMs) ? Math.min(600_000, Math.max(1_000, leaseMs)) : 15_000,
  };
  const given = (typeof stats === "object" && stats !== null ? stats : {}) as Record<string, unknown>;
  const numbers = NUMBERS.map((name) => [name, isNumber(given[name]) ? given[name] : 0]);
  return {
    identity,
    stats: Object.fromEntries(numbers) as ProcessStatistics,
    // One that greets, and earlier versions, do not say it.
    progress: {
      published: isNumber(published) ? published : 0,
      heard: isNumber(heard) ? heard : 0,
      knowsAll: knowsAll === true,
    },
  };
}

/** @throws {TypeError} If it is none. */
export function decodePresence(fields: Readonly<Record<string, unknown>>): {
  readonly process: string;
  readonly publisher: string;
  readonly changes: TopicChange[];
  /** It is a part of all there is. */
  readonly all: { readonly begins: boolean; readonly first: boolean; readonly last: boolean } | undefined;
} {
  const process = textOf(fields, "process");
  const { topics, all, begins, first, last } = fields;
  if (!Array.isArray(topics)) throw new TypeError(`Cannot read presence: topics is ${show(topics)}`);
  const changes = (topics as unknown[]).map((line) => {
    const [topic, streams, joined, left] = Array.isArray(line) ? (line as unknown[]) : [];
    if (
      typeof topic !== "string" ||
      topic === "" ||
      topic.length > MOST_TOPIC_BYTES ||
      isReserved(topic) ||
      !isNumber(streams) ||
      !isNames(joined) ||
      !isNames(left)
    ) {
      throw new TypeError(`Cannot read presence: it has ${show(topic)} with ${show(streams)} streams`);
    }
    return { topic, streams: Math.max(0, Math.floor(streams)), joined, left };
  });
  return {
    process,
    publisher: fields["publisher"] === undefined ? process : textOf(fields, "publisher"),
    changes,
    all: all === true ? { begins: begins === true, first: first === true, last: last === true } : undefined,
  };
}

/** @throws {TypeError} If it is none. */
export function decodeGone(fields: Readonly<Record<string, unknown>>): {
  readonly id: string;
  readonly by: string;
  /** Where the newest sign of life stands that who says so has seen. */
  readonly seenAt: number;
  /** What it has published itself, up to this offset. */
  readonly published: number;
  /** Whether the one that says so publishes who left. */
  readonly publishes: boolean;
} {
  const { seenAt, published, publishes } = fields;
  return {
    id: textOf(fields, "process"),
    by: textOf(fields, "by"),
    seenAt: isNumber(seenAt) ? seenAt : Infinity,
    published: isNumber(published) ? published : 0,
    publishes: publishes !== false,
  };
}

/** @throws {TypeError} If it is no text, or too long. */
export function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const text = fields[name];
  if (typeof text === "string" && text !== "" && text.length <= LONGEST_ID) return text;
  throw new TypeError(
    `Cannot read record: ${name} is ${show(text)}, expected text of 1 to ${LONGEST_ID} characters`,
  );
}

export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string" && isShort(name));
}
