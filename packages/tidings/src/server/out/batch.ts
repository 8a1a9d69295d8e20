/**
 * What a stream is sent in one write: messages joined, and framed for HTTP/1.1 once for all streams that get it.
 * This module is browser compatible.
 */
import { toChunk } from "./chunk.ts";
import type { Links } from "../compression/chain.ts";
import type { Outlet, SharedPiece } from "./outlet.ts";

export interface Piece extends SharedPiece {
  readonly messages: number;
  /** Joined messages; empty when there are none. */
  readonly bytes: Uint8Array;
  /** The offset of the last message in it; 0 when there is none. */
  readonly last: number;
  /** Whoever got the piece has seen everything up to this offset. */
  readonly through: number;
}

export class JoinedPiece implements Piece {
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
export function shared(content: string | Uint8Array): SharedPiece {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { bytes, chunk: toChunk(bytes) };
}

/** @returns What {@link Outlet.write} returns. */
export function writePiece(outlet: Outlet, piece: SharedPiece): boolean {
  if (outlet.writePiece !== undefined) return outlet.writePiece(piece);
  return outlet.framing === "chunked" ? outlet.writeFramed(piece.chunk) : outlet.write(piece.bytes);
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
