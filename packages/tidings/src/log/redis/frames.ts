/**
 * Entries as Redis hands them out: in the replies of the script, and in the messages of the tail.
 */
import type { Entry } from "../log.ts";

export interface TailMessage {
  readonly epoch: string;
  /** Readers that stand before this offset may have lost something. */
  readonly floor: number;
  readonly entries: readonly Entry[];
}

const HEADER = 24;

/** Of a channel: `[length of epoch][floor: 8][epoch]`, then `[offset: 8][time: 8][length of topic: 2][of key: 2][of body: 4][topic][key][body]`. */
export function decodeMessage(payload: Buffer): TailMessage {
  const start = 9 + payload.readUInt8(0);
  const entries: Entry[] = [];
  for (let at = start; at < payload.length;) {
    const topicAt = at + HEADER;
    const keyAt = topicAt + payload.readUInt16BE(at + 16);
    const bodyAt = keyAt + payload.readUInt16BE(at + 18);
    const end = bodyAt + payload.readUInt32BE(at + 20);
    entries.push(
      entryOf(
        payload.readDoubleBE(at),
        payload.readDoubleBE(at + 8),
        payload.toString("utf8", topicAt, keyAt),
        payload.toString("utf8", keyAt, bodyAt),
        payload.subarray(bodyAt, end),
      ),
    );
    at = end;
  }
  return { epoch: payload.toString("latin1", 9, start), floor: payload.readDoubleBE(1), entries };
}

/** Of the script: offset, time, topic, key, body, and so on. */
export function decodePage(page: readonly unknown[]): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < page.length; i += 5) {
    const [offset, atMs, topic, key, body] = page.slice(i, i + 5) as [number, Buffer, Buffer, Buffer, Buffer];
    entries.push(entryOf(offset, Number(atMs.toString()), topic.toString(), key.toString(), body));
  }
  return entries;
}

function entryOf(offset: number, atMs: number, topic: string, key: string, body: Uint8Array): Entry {
  // Copied: what the client hands out is a part of what it received.
  const own = new Uint8Array(body);
  return key === "" ? { offset, topic, body: own, atMs } : { offset, topic, body: own, atMs, key };
}
