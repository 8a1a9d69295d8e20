/**
 * An entry of the log as it goes out: the message with its cursor as `id`, in bytes that are the same for every stream.
 * This module is browser compatible.
 */
import { formatCursor } from "../../log/cursor.ts";
import type { Entry } from "../../log/log.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { Batch } from "../out/batch.ts";
import { createParser } from "../../wire/parser.ts";

/** Says whether a stream wants a message. */
export type MessageFilter = (message: ParsedMessage, topic: string) => boolean;

export class EncodedEntry {
  readonly offset: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly bytes: Uint8Array;
  #message: ParsedMessage | undefined;

  constructor(epoch: string, entry: Entry) {
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
}

function withId(epoch: string, { offset, body }: Entry): Uint8Array {
  const line = `id: ${formatCursor(epoch, offset)}\n`;
  const bytes = new Uint8Array(line.length + body.length);
  for (let i = 0; i < line.length; i += 1) bytes[i] = line.charCodeAt(i);
  bytes.set(body, line.length);
  return bytes;
}

/** A block without data: it moves the last event ID and dispatches nothing. */
export function idBlock(epoch: string, offset: number): string {
  return `id: ${formatCursor(epoch, offset)}\n\n`;
}

/** The same, as a batch. */
export function idBatch(epoch: string, offset: number): Batch {
  const bytes = new TextEncoder().encode(idBlock(epoch, offset));
  return new Batch([bytes], { messages: 0, lastOffset: offset, upTo: offset, toAll: false });
}
