/**
 * What a stream is sent in one write: messages joined, and framed for HTTP/1.1 once for all streams that get it.
 * This module is browser compatible.
 */
import { toChunk } from "./chunk.ts";
import type { Linkable, Links } from "../compression/chain.ts";

/** What goes out with a head. */
export interface FirstBatch extends Linkable {
  /** `bytes` as a chunk of HTTP/1.1, where that was made already. */
  readonly chunk?: Uint8Array | undefined;
}

/** What goes to several outlets, framed and compressed once for all of them. */
export interface SharedBatch extends Linkable {
  /** `bytes` as a chunk of HTTP/1.1. */
  readonly chunk: Uint8Array;
  /** It goes to all streams of a group that keep up. */
  readonly toAll?: boolean;
}

export interface MessageBatch extends SharedBatch {
  readonly messages: number;
  /** Joined messages; empty when there are none. */
  readonly bytes: Uint8Array;
  /** The offset of the last message in it; 0 when there is none. */
  readonly last: number;
  /** Whoever got the batch has seen everything up to this offset. */
  readonly through: number;
}

export class JoinedBatch implements MessageBatch {
  readonly messages: number;
  readonly bytes: Uint8Array;
  readonly last: number;
  readonly through: number;
  readonly toAll = true;
  links: Links | undefined;
  #chunk: Uint8Array | undefined;

  constructor(entries: readonly { readonly offset: number; readonly bytes: Uint8Array }[], through: number) {
    this.messages = entries.length;
    this.bytes = entries.length === 1 ? entries[0]!.bytes : joinBytes(entries.map(({ bytes }) => bytes));
    this.last = entries.at(-1)?.offset ?? 0;
    this.through = through;
  }

  get chunk(): Uint8Array {
    // Made when first asked for: streams over HTTP/2 or Fetch never do.
    this.#chunk ??= toChunk(this.bytes);
    return this.#chunk;
  }
}

/** Bytes that many streams are sent, framed once. */
export function shared(content: string | Uint8Array): SharedBatch {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { bytes, chunk: toChunk(bytes) };
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
