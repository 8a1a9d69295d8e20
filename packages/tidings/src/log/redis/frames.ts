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
const MOST_NAME_BYTES = 65_535;

/** Numbers as one argument: a script takes them apart faster than it reads as many arguments. */
export function doubles(...values: readonly number[]): Buffer {
  const packed = Buffer.allocUnsafe(values.length * 8);
  for (const [i, value] of values.entries()) packed.writeDoubleBE(value, i * 8);
  return packed;
}

/** Entries that are one of the stream: so many at most, and of so many bytes where there is more than one. */
const BLOCK_ENTRIES = 16;
const BLOCK_BYTES = 4_096;

/** Where a topic's entries are in a part. */
interface Places {
  readonly topic: Buffer;
  /** Each is how many entries are before it in the part, and how many in its block. */
  readonly places: number[];
}

/**
 * What is appended together, as the script takes it: what Lua need not take apart or put together costs Redis least.
 *
 * @param isAlone - Whether a topic's entries have a block each.
 * @returns What is in it: `[entries: 4][blocks: 4][topics: 4][bytes of bodies: 8]`, for each block `[entries: 1]` where there is more than one
 *   entry, and for each topic `[length: 2][topic][place: 4][place in its block: 1][others: 4]`, then `[place: 4][place in its block: 1]` of each
 *   other. Then the blocks: frames behind each other, `[length of topic: 2][of key: 2][of body: 4][topic][key][body]`.
 */
export function encodeBlocks(drafts: readonly Draft[], isAlone: (topic: string) => boolean): Buffer[] {
  let size = 0;
  // Three bytes for a UTF-16 unit at most.
  for (const { topic, key = "", body } of drafts) {
    size += LENGTHS + (topic.length + key.length) * 3 + body.length;
  }
  const packed = Buffer.allocUnsafe(size);
  const topics = new Map<string, Places>();
  const held: number[] = [];
  const blocks: Buffer[] = [];
  let [at, from, inBlock, bodies, aboutBytes] = [0, 0, 0, 0, 20];
  const endBlock = (till: number): void => {
    if (inBlock === 0) return;
    blocks.push(packed.subarray(from, till));
    held.push(inBlock);
    from = till;
    inBlock = 0;
  };
  for (let n = 0; n < drafts.length; n += 1) {
    const { topic, key = "", body } = drafts[n]!;
    const topicAt = at + LENGTHS;
    const topicBytes = packed.write(topic, topicAt);
    const keyBytes = key === "" ? 0 : packed.write(key, topicAt + topicBytes);
    if (topicBytes > MOST_NAME_BYTES || keyBytes > MOST_NAME_BYTES) {
      throw new RangeError(
        `Cannot append to log: the topic has ${topicBytes} bytes and the key ${keyBytes}, expected at most ${MOST_NAME_BYTES} each`,
      );
    }
    packed.writeUInt16BE(topicBytes, at);
    packed.writeUInt16BE(keyBytes, at + 2);
    packed.writeUInt32BE(body.length, at + 4);
    const bodyAt = topicAt + topicBytes + keyBytes;
    packed.set(body, bodyAt);
    bodies += body.length;
    const alone = isAlone(topic);
    const till = bodyAt + body.length;
    if (alone || inBlock === BLOCK_ENTRIES || till - from > BLOCK_BYTES) endBlock(at);
    const known = topics.get(topic);
    if (known === undefined) {
      topics.set(topic, { topic: packed.subarray(topicAt, topicAt + topicBytes), places: [n, inBlock] });
      aboutBytes += topicBytes + 11;
    } else {
      known.places.push(n, inBlock);
      aboutBytes += 5;
    }
    inBlock += 1;
    at = till;
    if (alone) endBlock(at);
  }
  endBlock(at);
  if (drafts.length > 1) aboutBytes += blocks.length;
  const about = Buffer.allocUnsafe(aboutBytes);
  about.writeUInt32BE(drafts.length, 0);
  about.writeUInt32BE(blocks.length, 4);
  about.writeUInt32BE(topics.size, 8);
  at = about.writeDoubleBE(bodies, 12);
  if (drafts.length > 1) for (const entries of held) at = about.writeUInt8(entries, at);
  for (const { topic, places } of topics.values()) {
    at = about.writeUInt16BE(topic.length, at);
    at += topic.copy(about, at);
    for (let i = 0; i < places.length; i += 2) {
      at = about.writeUInt32BE(places[i]!, at);
      at = about.writeUInt8(places[i + 1]!, at);
      if (i === 0) at = about.writeUInt32BE(places.length / 2 - 1, at);
    }
  }
  return [about, ...blocks];
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
