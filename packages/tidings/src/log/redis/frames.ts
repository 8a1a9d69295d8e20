/**
 * Entries as they lie in Redis, and as its channels carry them.
 */
import type { Draft, Entry } from "../log.ts";

export interface TailMessage {
  readonly epoch: string;
  /** Readers that stand before this offset may have lost something. */
  readonly floor: number;
  readonly entries: readonly Entry[];
}

/** `[offset: 8][time: 8]` are put before by the script: of each entry where it is read, of the first where more are published. */
const GIVEN = 16;
/** `[length of topic: 2][of key: 2][of body: 4]` */
const LENGTHS = 8;

/** Numbers as one argument: a script takes them apart faster than it reads as many arguments. */
export function doubles(...values: readonly number[]): Buffer {
  const packed = Buffer.allocUnsafe(values.length * 8);
  for (const [i, value] of values.entries()) packed.writeDoubleBE(value, i * 8);
  return packed;
}

/** Behind each other, as one argument: each more costs the client a piece to write. `[length of topic: 2][of key: 2][of body: 4][topic][key][body]` */
export function encodeDrafts(drafts: readonly Draft[]): Buffer {
  let size = 0;
  // Three bytes for a UTF-16 unit at most.
  for (const { topic, key = "", body } of drafts) {
    size += LENGTHS + (topic.length + key.length) * 3 + body.length;
  }
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { topic, key = "", body } of drafts) {
    const topicAt = at + LENGTHS;
    const topicBytes = packed.write(topic, topicAt);
    const keyBytes = key === "" ? 0 : packed.write(key, topicAt + topicBytes);
    packed.writeUInt16BE(topicBytes, at);
    packed.writeUInt16BE(keyBytes, at + 2);
    packed.writeUInt32BE(body.length, at + 4);
    at = topicAt + topicBytes + keyBytes;
    packed.set(body, at);
    at += body.length;
  }
  return packed.subarray(0, at);
}

/** A message of a channel: `[length of epoch][floor: 8][first offset: 8][time: 8][epoch]`, then entries without theirs. */
export function decodeMessage(payload: Buffer): TailMessage {
  const first = payload.readDoubleBE(9);
  const atMs = payload.readDoubleBE(17);
  const start = 25 + payload.readUInt8(0);
  const entries: Entry[] = [];
  for (let at = start; at < payload.length;) {
    at = decodeEntry(payload, at, first + entries.length, atMs, entries);
  }
  return { epoch: payload.toString("latin1", 25, start), floor: payload.readDoubleBE(1), entries };
}

/** Of the script's replies. */
export function decodePage(page: readonly Buffer[]): Entry[] {
  const entries: Entry[] = [];
  for (const frame of page) {
    decodeEntry(frame, GIVEN, frame.readDoubleBE(0), frame.readDoubleBE(8), entries);
  }
  return entries;
}

/** @returns Where the next one begins. */
function decodeEntry(from: Buffer, at: number, offset: number, atMs: number, into: Entry[]): number {
  const topicAt = at + LENGTHS;
  const keyAt = topicAt + from.readUInt16BE(at);
  const bodyAt = keyAt + from.readUInt16BE(at + 2);
  const end = bodyAt + from.readUInt32BE(at + 4);
  const entry = {
    offset,
    topic: from.toString("utf8", topicAt, keyAt),
    // Copied: what the client hands out is a part of what it received.
    body: new Uint8Array(from.subarray(bodyAt, end)),
    atMs,
  };
  into.push(keyAt === bodyAt ? entry : { ...entry, key: from.toString("utf8", keyAt, bodyAt) });
  return end;
}
