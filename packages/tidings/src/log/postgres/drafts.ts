/**
 * Drafts as the database takes them, and entries as it gives them.
 */
import { createHash } from "node:crypto";
import { show } from "../../guard/show.ts";
import type { Entry } from "../log.ts";
import type { QueuedAppend } from "../appending/append-queue.ts";
import type { TopicBounds } from "../topic-bounds.ts";

/** A group of drafts: what is said about them, and all bodies in a row. */
export interface EncodedDrafts {
  readonly meta: object;
  readonly bodies: Buffer;
  /** By append: its part. Appends without a key that follow each other are one part, each from a draft on. */
  readonly places: readonly { readonly part: number; readonly from: number }[];
}

/** `[offset, time, topic, key, body]` */
export type EntryRow = readonly [number, number, string, string | null, string];

/** What text in Postgres does not have. */
const NO_TEXT = /\0|\p{Surrogate}/u;

export function encodeDrafts(appends: readonly QueuedAppend[], bounds: TopicBounds): EncodedDrafts {
  const parts: { key?: string; messages: number; bytes: number }[] = [];
  const places: { part: number; from: number }[] = [];
  const partOf: number[] = [];
  const drafts = appends.flatMap(({ drafts }) => drafts);
  for (const { drafts, key, bytes } of appends) {
    let last = parts.at(-1);
    if (last === undefined || last.key !== undefined || key !== undefined) {
      last = key === undefined ? { messages: 0, bytes: 0 } : { key: hashOf(key), messages: 0, bytes: 0 };
      parts.push(last);
    }
    places.push({ part: parts.length - 1, from: last.messages });
    last.messages += drafts.length;
    last.bytes += bytes;
    for (const _ of drafts) partOf.push(parts.length);
  }
  const limits = [];
  for (const topic of new Set(drafts.map((draft) => draft.topic))) {
    if (NO_TEXT.test(topic)) {
      throw new TypeError(
        `Cannot append to log: the topic is ${show(topic)}, expected well-formed text without zero characters`,
      );
    }
    const { messages, bytes, ageMs } = bounds.of(topic) ?? {};
    const all = { messages: bounded(messages), bytes: bounded(bytes), age: bounded(ageMs) };
    if (Object.values(all).some((bound) => bound !== undefined)) limits.push({ topic, ...all });
  }
  const hasKeys = drafts.some(({ key }) => key !== undefined);
  const meta = {
    parts,
    topics: drafts.map(({ topic }) => topic),
    keys: hasKeys ? drafts.map(({ key }) => (key === undefined ? null : escapeKey(key))) : [],
    sizes: drafts.map(({ body }) => body.length),
    part: parts.length > 1 ? partOf : [],
    bounds: limits,
  };
  return { meta, bodies: Buffer.concat(drafts.map(({ body }) => body)), places };
}

export function decodeEntries(rows: readonly EntryRow[] | null): Entry[] {
  return (rows ?? []).map(([offset, atMs, topic, key, body]) => {
    const entry = { offset, topic, body: new Uint8Array(Buffer.from(body, "base64")), atMs };
    return key === null ? entry : { ...entry, key: unescapeKey(key) };
  });
}

/** A whole number that the database can take. */
export function whole(bound: number): number {
  return Math.min(Math.floor(bound), Number.MAX_SAFE_INTEGER);
}

function bounded(bound: number | undefined): number | undefined {
  return bound === undefined || bound === Infinity ? undefined : whole(bound);
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

// Text in Postgres has no zero character, and no half of a surrogate pair.
function escapeKey(key: string): string {
  return key
    .replaceAll("\\", "\\\\")
    .replaceAll("\0", "\\0")
    .replaceAll(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}

function unescapeKey(key: string): string {
  return key.replaceAll(/\\(?:[\\0]|u([0-9a-f]{4}))/g, (escape, half?: string) => {
    if (half !== undefined) return String.fromCharCode(Number.parseInt(half, 16));
    return escape === "\\0" ? "\0" : "\\";
  });
}
