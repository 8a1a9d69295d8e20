/**
 * Where the bytes of an event stream leave: one open response of any server, HTTP/1.0 to HTTP/2, or a Fetch body.
 * What differs between them (framing, flushing, how a departed peer shows) is settled below this interface.
 * This module is browser compatible.
 */
import type { FirstBatch, SharedBatch } from "./batch.ts";
import type { ResponseHead } from "./response-head.ts";

export interface Outlet {
  /**
   * Hands bytes to the peer; never throws because it left.
   * @returns False when the peer has not taken what was written before. The bytes were accepted all the same;
   *   write no more than you can afford to hold until `onDrain`. False, too, and the bytes dropped, once it is closed.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * What {@link writeFramed} expects: `"chunked"`, bytes that already are whole chunks of HTTP/1.1 (see `toChunk`, whose
   * results may be joined), or `"none"`, the event stream's own bytes. Fixed for the life of the outlet.
   */
  readonly framing: "chunked" | "none";
  /**
   * {@link write} for bytes that go to many outlets and were framed once for all of them: they are passed on as they are,
   * neither copied nor changed. Both may be called in any order; with framing `"none"` they are the same.
   */
  writeFramed(bytes: Uint8Array): boolean;
  /** {@link write} for what is to be encoded, once for all who get it. Absent where it goes out as it is. */
  writeBatch?(batch: SharedBatch): boolean;
  /** Bytes that were accepted and have not left this process. Those in the kernel's buffers are not among them. */
  readonly bufferedBytes: number;
  /**
   * No byte will be taken any more. True from the start where there is nothing to stream to: the peer had left before,
   * or the request was HEAD, which got its head and is over; `onClose` is not called then.
   */
  readonly closed: boolean;
  /** Ends the response as HTTP ends one, after what was written. `onClose` follows when it has left. */
  end(): void;
  /**
   * Cuts the connection (HTTP/2: the stream) at once, whatever is still buffered.
   * @param reason - What a Fetch server is told, which may report it; the others only see the cut.
   */
  destroy(reason?: unknown): void;
  /** Who hears of the outlet: set by whoever owns it, before its events may come. */
  owner: OutletOwner | undefined;
}

/** An object rather than functions: a stream is its own owner, and an open stream then costs no closure. */
export interface OutletOwner {
  /** Called after a `write` that returned false, when the peer took everything. */
  onDrain(): void;
  /** Called once, when the response is over for whatever reason: ended, cut, or the peer left. Never during a call of yours. */
  onClose(): void;
}

/** Sends a head with what follows it at once, and returns where the rest goes. */
export type OpenOutlet = (head: ResponseHead, first: FirstBatch) => Outlet;

/** @returns What {@link Outlet.write} returns. */
export function writeBatch(outlet: Outlet, batch: SharedBatch): boolean {
  if (outlet.writeBatch !== undefined) return outlet.writeBatch(batch);
  return outlet.framing === "chunked" ? outlet.writeFramed(batch.chunk) : outlet.write(batch.bytes);
}
