/**
 * Entries as messages of NATS: `[length of topic: 2][of key: 2][topic][key][body]`. Offset and time are the stream's.
 */
import type { Draft, Entry } from "../log.ts";

const HEADER = 4;
const MOST_NAME_BYTES = 65_535;

/** @throws {RangeError} If its topic or its key is too long. */
export function encodeDraft({ topic, key = "", body }: Draft): Uint8Array {
  const topicBytes = Buffer.byteLength(topic);
  const keyBytes = Buffer.byteLength(key);
  if (topicBytes > MOST_NAME_BYTES || keyBytes > MOST_NAME_BYTES) {
    throw new RangeError(
      `Cannot append to log: the topic has ${topicBytes} bytes and the key ${keyBytes}, expected at most ${MOST_NAME_BYTES} each`,
    );
  }
  const value = Buffer.allocUnsafe(HEADER + topicBytes + keyBytes + body.length);
  value.writeUInt16BE(topicBytes, 0);
  value.writeUInt16BE(keyBytes, 2);
  value.write(topic, HEADER);
  value.write(key, HEADER + topicBytes);
  value.set(body, HEADER + topicBytes + keyBytes);
  return value;
}

/** @throws {RangeError} If it was not written by {@link encodeDraft}. */
export function topicOf(payload: Uint8Array): string {
  const from = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const end = HEADER + from.readUInt16BE(0);
  if (end > from.length) throw new RangeError("Cannot read message of log: it ends within its topic");
  return from.toString("utf8", HEADER, end);
}

export function decodeEntry(payload: Uint8Array, topic: string, offset: number, atMs: number): Entry {
  const from = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const keyAt = HEADER + from.readUInt16BE(0);
  const bodyAt = keyAt + from.readUInt16BE(2);
  if (bodyAt > from.length) throw new RangeError("Cannot read message of log: it ends within its key");
  // Copied: what the client hands out is a part of what it received.
  const entry = { offset, topic, body: new Uint8Array(from.subarray(bodyAt)), atMs };
  return keyAt === bodyAt ? entry : { ...entry, key: from.toString("utf8", keyAt, bodyAt) };
}

/** An entry as a reader gets it. One that was not written by us has no topic, which nobody asks for. */
export function readEntry(payload: Uint8Array, offset: number, atMs: number): Entry {
  try {
    return decodeEntry(payload, topicOf(payload), offset, atMs);
  } catch {
    return { offset, topic: "", body: new Uint8Array(), atMs };
  }
}

/** Where a delivered message stands, from the subject that it could be acknowledged by. */
export interface Delivery {
  /** The name of the consumer. */
  readonly consumer: string;
  readonly offset: number;
  /** Of the consumer: 1, 2, 3… */
  readonly count: number;
  /** Nanoseconds since 1970, as text. */
  readonly time: string;
  readonly atMs: number;
  /** How many the consumer had left then. */
  readonly pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`; newer servers may put
 * domain and account before the stream, and more behind it.
 */
export function deliveryOf(reply: string | undefined): Delivery | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  const at = tokens.length === 9 ? 5 : 7;
  const time = tokens[at + 2];
  if (time === undefined) return undefined;
  return {
    consumer: tokens[at - 2]!,
    offset: Number(tokens[at]),
    count: Number(tokens[at + 1]),
    time,
    atMs: millisecondsOf(time),
    pending: Number(tokens[at + 3]),
  };
}

/** @param time - As JSON has it, down to nanoseconds. @returns Nanoseconds since 1970, as text. */
export function nanosecondsOf(time: string): string {
  const match = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (match === null) return "0";
  return `${Date.parse(`${match[1]}${match[3]}`) / 1_000}${(match[2] ?? "").padEnd(9, "0")}`;
}

/** @param time - Nanoseconds since 1970, as text. */
export function millisecondsOf(time: string): number {
  return Number(time.slice(0, -6));
}
