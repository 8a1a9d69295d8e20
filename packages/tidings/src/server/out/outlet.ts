/**
 * Where the bytes of an event stream leave: one open response of any server, HTTP/1.0 to HTTP/2, or a Fetch body.
 * What differs between them (framing, flushing, compression, how a departed peer shows) is settled below this interface.
 * This module is browser compatible.
 */
import { ignore } from "../../guard/ignore.ts";
import type { Batch } from "./batch.ts";
import type { ResponseHead } from "./response-head.ts";

export interface Outlet {
  /**
   * Hands a batch to the peer. Never throws because the peer left.
   * @returns False when the peer has not taken what was written before. The batch was accepted all the same; write no more
   *   than you can afford to hold until `onDrain`. Also false, and the batch dropped, once the outlet is closed.
   */
  write(batch: Batch): boolean;
  /** Bytes that were accepted and have not left this process. Those in the kernel's buffers are not among them. */
  readonly bufferedBytes: number;
  /** What waits here is a copy of its own, encrypted or compressed for this peer. Absent: it is shared with the other streams that send it. */
  readonly copies?: boolean;
  /**
   * No byte will be taken any more. True from the start where there is nothing to stream to: the peer had left before,
   * or the request was HEAD, which got its head and is over; `onClose` is not called then.
   */
  readonly closed: boolean;
  /** Ends the response as HTTP ends one, after what was written. `onClose` follows when it has left. */
  end(): void;
  /**
   * Cuts the connection (HTTP/2: the stream) at once, whatever is still buffered.
   * @param reason - What a Fetch server gets, which may report it; the others only see the cut.
   */
  destroy(reason?: unknown): void;
  /** Hears of the outlet. Set before its events may come. */
  owner: OutletOwner | undefined;
}

/** An object rather than functions: a stream is its own owner, and an open stream then costs no closure. */
export interface OutletOwner {
  /** Called after a `write` that returned false, when the peer took everything. */
  onDrain(): void;
  /** Called once, when the response is over for whatever reason: ended, cut, or the peer left. Never during a call of yours. */
  onClose(): void;
  /** What it is written through failed: middleware that has wrapped it, say. It was cut; `onClose` follows. */
  onFailed?(error: unknown): void;
}

/** Sends a head with what follows it at once, and returns where the rest goes. */
export type OpenOutlet = (head: ResponseHead, first: Batch) => Outlet;

/** An outlet for a request that gets no stream. */
export function closedOutlet(): Outlet {
  return {
    closed: true,
    bufferedBytes: 0,
    owner: undefined,
    write: () => false,
    end: ignore,
    destroy: ignore,
  };
}
