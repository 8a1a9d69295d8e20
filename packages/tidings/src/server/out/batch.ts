/**
 * What goes out: entries of the log, encoded with their cursors, and batches of them. A batch is what a stream is sent in one
 * write: one message, several joined, or a sign of life. The same batch goes to all streams that are sent the same; its bytes
 * and their framing for HTTP/1.1 are made when first asked for, once for all of them.
 * This module is browser compatible.
 */
import { formatCursor, parseCursor } from "../../log/cursor.ts";
import type { Entry } from "../../log/log.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { encode } from "../../wire/encode.ts";
import { createParser } from "../../wire/parser.ts";
import { envelop } from "../message/envelope.ts";
import { topicOfPresence } from "../topics/reserved-topics.ts";
import { toChunk } from "./chunk.ts";

/** A message with its cursor as `id`, in bytes that are the same for every stream. */
export class EncodedEntry {
  readonly offset: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly bytes: Uint8Array;
  #message: ParsedMessage | undefined;
  #enveloped: EncodedEntry | undefined;

  constructor(epoch: string, entry: Omit<Entry, "atMs">) {
    this.offset = entry.offset;
    this.topic = entry.topic;
    this.key = entry.key;
    this.bytes = withId(epoch, entry);
  }

  /** What a subscriber gets to see of it; read back from the bytes, once, for those that filter. */
  get message(): ParsedMessage {
    if (this.#message === undefined) {
      const parser = createParser({ onMessage: (message) => void (this.#message = message) });
      parser.push(this.bytes);
      parser.end();
    }
    return this.#message!;
  }

  /** The same with its topic in the data; made once, for all who want it. */
  get enveloped(): EncodedEntry {
    if (this.#enveloped === undefined) {
      const { offset, topic, key, message } = this;
      const { epoch } = parseCursor(message.id)!;
      const data = envelop(topicOfPresence(topic) ?? topic, message.data);
      const text = encode(message.event === "message" ? { data } : { event: message.event, data });
      const body = utf8.encode(text);
      this.#enveloped = new EncodedEntry(epoch, { offset, topic, body, ...(key !== undefined && { key }) });
    }
    return this.#enveloped;
  }
}

function withId(epoch: string, { offset, body }: Pick<Entry, "offset" | "body">): Uint8Array {
  const line = `id: ${formatCursor(epoch, offset)}\n`;
  const bytes = new Uint8Array(line.length + body.length);
  for (let i = 0; i < line.length; i += 1) bytes[i] = line.charCodeAt(i);
  bytes.set(body, line.length);
  return bytes;
}

/** What of a log is in a batch. */
export interface BatchContent {
  /** Messages in it. */
  readonly messages: number;
  /** The newest offset that a peer has as its last event ID once it has the batch; 0 when the batch has no `id`. */
  readonly lastOffset: number;
  /** A stream that was sent the batch has seen everything up to this offset. */
  readonly upTo: number;
  /** It goes to all streams of a group that keep up. */
  readonly toAll: boolean;
}

/** What goes before the entries of a batch to one stream. */
export interface LeadingGap {
  readonly gap: Uint8Array | undefined;
  /** The offset of its id, if it has one. */
  readonly gapOffset: number | undefined;
}

export class Batch implements BatchContent {
  /** Bytes in it, before framing and compression. */
  readonly length: number;
  readonly messages: number;
  readonly lastOffset: number;
  readonly upTo: number;
  readonly toAll: boolean;
  #parts: readonly Uint8Array[];
  #chunk: Uint8Array | undefined;
  #behind: { readonly bytes: Uint8Array; readonly batch: Batch } | undefined;

  constructor(parts: readonly Uint8Array[], content: BatchContent = NO_CONTENT) {
    let length = 0;
    for (const part of parts) length += part.length;
    this.length = length;
    this.messages = content.messages;
    this.lastOffset = content.lastOffset;
    this.upTo = content.upTo;
    this.toAll = content.toAll;
    this.#parts = parts;
  }

  /** Text or bytes that belong to no log. */
  static of(content: string | Uint8Array): Batch {
    return new Batch([typeof content === "string" ? utf8.encode(content) : content]);
  }

  /**
   * All these entries in one; empty when there are none.
   * @param upTo - A stream that is sent it has seen everything up to here.
   * @param leading - Makes it the batch of one stream; absent, it goes to all streams of a group that keep up.
   */
  static join(entries: readonly EncodedEntry[], upTo: number, leading?: LeadingGap): Batch {
    const parts = entries.map(({ bytes }) => bytes);
    if (leading?.gap !== undefined) parts.unshift(leading.gap);
    const lastOffset = entries.at(-1)?.offset ?? leading?.gapOffset ?? 0;
    return new Batch(parts, { messages: entries.length, lastOffset, upTo, toAll: leading === undefined });
  }

  /**
   * The same behind other bytes, for streams that begin with them. The newest is remembered: thousands may begin alike, and then share
   * it, and whatever is made of it.
   */
  behind(bytes: Uint8Array): Batch {
    if (this.#behind?.bytes !== bytes) {
      const { messages, lastOffset, upTo } = this;
      const batch = new Batch([bytes, ...this.#parts], { messages, lastOffset, upTo, toAll: false });
      this.#behind = { bytes, batch };
    }
    return this.#behind.batch;
  }

  /** The event stream's own bytes. */
  get bytes(): Uint8Array {
    if (this.#parts.length !== 1) this.#parts = [joinBytes(this.#parts, this.length)];
    return this.#parts[0]!;
  }

  /** `bytes` as a chunk of HTTP/1.1. Streams over HTTP/2 or Fetch never ask for it. */
  get chunk(): Uint8Array {
    if (this.#chunk === undefined) {
      this.#chunk = toChunk(this.#parts, this.length);
      // A large one may wait for slow readers for long, and is then not held twice.
      if (this.length >= MOST_TWICE) {
        const to = this.#chunk.length - LINE_BREAK;
        this.#parts = [this.#chunk.subarray(to - this.length, to)];
      }
    }
    return this.#chunk;
  }
}

/** @param length - That of all parts together. */
export function joinBytes(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes of a batch that is kept both with its framing and without. */
const MOST_TWICE = 16_384;
const LINE_BREAK = 2;
const NO_CONTENT: BatchContent = { messages: 0, lastOffset: 0, upTo: 0, toAll: false };
const utf8 = new TextEncoder();

/** A block without data: it moves the last event ID and dispatches nothing. */
export function idBlock(epoch: string, offset: number): string {
  return `id: ${formatCursor(epoch, offset)}\n\n`;
}

/** {@link idBlock} as a batch. */
export function idBatch(epoch: string, offset: number): Batch {
  const bytes = new TextEncoder().encode(idBlock(epoch, offset));
  return new Batch([bytes], { messages: 0, lastOffset: offset, upTo: offset, toAll: false });
}
