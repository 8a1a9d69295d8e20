/**
 * What a process tells the others of itself, as records, and what it takes from theirs: checked, and bounded.
 * This module is browser compatible.
 */
import { show } from "../../../guard/show.ts";
import type { Draft } from "../../../log/log.ts";
import type { HubStatistics } from "../../observe/hub-stats.ts";
import { checkTopic } from "../../topics/topic-selection.ts";
import { PROCESSES_TOPIC } from "../../topics/reserved-topics.ts";
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

/** How many topics and members a process counts, over all processes. */
export interface PresenceLimits {
  readonly maxTopics: number;
  readonly maxMembers: number;
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
  /** The newest record that it has taken. Undefined: it is of an earlier version, which does not say it. */
  readonly heard: number | undefined;
  /** It has taken every record behind this offset. 0: it is not said. */
  readonly since: number;
  /** All processes that it knows have given a sign of life since they took the record at this offset. */
  readonly allSignedAt: number;
  /** It knows of everyone who is present: see deciders.ts. */
  readonly knowsAll: boolean;
}

/** What a process says of itself. */
export interface Sign {
  readonly identity: ProcessIdentity;
  /** When, by the clock of the process, which alone reads it. Infinity: it is not said. */
  readonly givenMs: number;
  readonly stats: ProcessStatistics;
  /** Undefined: it keeps no presence. */
  readonly limits: PresenceLimits | undefined;
  readonly progress: Partial<Progress>;
}

/** @param kind - The others answer the first one with all they have. */
export function encodeSign(
  kind: "hello" | "alive",
  { identity, givenMs, stats, limits, progress }: Sign,
): Draft {
  return encodeRecord(PROCESSES_TOPIC, kind, { ...identity, givenMs, stats, limits, ...progress });
}

/** Of a record of presence. */
export interface PresenceHead {
  readonly process: string;
  /** Who publish what it changes. None: the process itself. */
  readonly publishers: readonly string[];
  /** It is all there is, and whether that may be the first that the others are told. */
  readonly all?: { readonly begins: boolean } | undefined;
}

/** Presence of a process, in as many records as it takes: what changed, or all there is. */
export function encodePresence(
  { process, publishers, all }: PresenceHead,
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
      ...namesOf(publishers),
      topics,
      ...(all && { all: true, ...all, first: part === 0, last: part === parts.length - 1 }),
    }),
  );
}

/** Streams of a topic in one process. All processes together count them without rounding. */
const MOST_STREAMS = 2 ** 32;

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

/** A process that is gone. */
export interface Gone {
  readonly id: string;
  readonly by: string;
  /** Where the newest sign of life stands that who says so has seen. */
  readonly seenAt: number;
  /** What it has published itself, up to this offset. */
  readonly published: number;
  /** Who publish who left. None: any process that can. */
  readonly publishers: readonly string[];
}

export function encodeGone({ id, by, seenAt, published, publishers }: Partial<Gone>): Draft {
  const publishes = publishers?.includes(by ?? "") === true;
  const fields = { process: id, by, seenAt, published, publishes, ...namesOf(publishers ?? []) };
  return encodeRecord(PROCESSES_TOPIC, "gone", fields);
}

/** @throws {TypeError} If it is none. */
export function decodeSign(
  fields: Readonly<Record<string, unknown>>,
): Sign & { readonly progress: Progress } {
  const { leaseMs, startedAtMs, givenMs, stats, published, heard, since, allSignedAt, knowsAll, limits } =
    fields;
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
    givenMs: isNumber(givenMs) ? givenMs : Infinity,
    stats: Object.fromEntries(numbers) as ProcessStatistics,
    limits: limitsOf(limits),
    // One that greets, and earlier versions, do not say it.
    progress: {
      published: isNumber(published) ? published : 0,
      heard: isNumber(heard) ? heard : undefined,
      since: isNumber(since) && since > 0 ? since : 0,
      allSignedAt: isNumber(allSignedAt) ? allSignedAt : 0,
      knowsAll: knowsAll === true,
    },
  };
}

function limitsOf(given: unknown): PresenceLimits | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const { maxTopics, maxMembers } = given as Record<string, unknown>;
  // No limit, which JSON cannot say, is null. No process sends one that is not above 0, with which nobody would be counted.
  return {
    maxTopics: isNumber(maxTopics) && maxTopics > 0 ? maxTopics : Infinity,
    maxMembers: isNumber(maxMembers) && maxMembers > 0 ? maxMembers : Infinity,
  };
}

/** @throws {TypeError} If it is none. */
export function decodePresence(fields: Readonly<Record<string, unknown>>): {
  readonly process: string;
  readonly publishers: readonly string[];
  readonly changes: TopicChange[];
  /** It is a part of all there is. */
  readonly all: { readonly begins: boolean; readonly first: boolean; readonly last: boolean } | undefined;
} {
  const process = textOf(fields, "process");
  const { topics, all, begins, first, last } = fields;
  if (!Array.isArray(topics)) throw new TypeError(`Cannot read presence: topics is ${show(topics)}`);
  const changes = (topics as unknown[]).map((line) => {
    const [topic, streams, joined, left] = Array.isArray(line) ? (line as unknown[]) : [];
    // Joins and leaves are published on a topic of that name, with those of others, and a log might refuse them all.
    checkTopic("read presence", topic as string);
    if (!isCount(streams) || !isNames(joined) || !isNames(left)) {
      throw new TypeError(`Cannot read presence: it has ${show(topic)} with ${show(streams)} streams`);
    }
    return { topic: topic as string, streams, joined, left };
  });
  return {
    process,
    publishers: fields["publisher"] === undefined ? [process] : namedIn(fields),
    changes,
    all: all === true ? { begins: begins === true, first: first === true, last: last === true } : undefined,
  };
}

/** @throws {TypeError} If it is none. */
export function decodeGone(fields: Readonly<Record<string, unknown>>): Gone {
  const { seenAt, published, publishes } = fields;
  const by = textOf(fields, "by");
  const named = namedIn(fields);
  return {
    id: textOf(fields, "process"),
    by,
    seenAt: isNumber(seenAt) ? seenAt : Infinity,
    published: isNumber(published) ? published : 0,
    publishers: named.length > 0 || publishes === false ? named : [by],
  };
}

/** The first of them is answerable for it. */
function namesOf([publisher, second]: readonly string[]): object {
  return { publisher, second };
}

function namedIn(fields: Readonly<Record<string, unknown>>): string[] {
  return ["publisher", "second"]
    .filter((name) => fields[name] !== undefined)
    .map((name) => textOf(fields, name));
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

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_STREAMS;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string" && isShort(name));
}
