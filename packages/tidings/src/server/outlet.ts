/**
 * Where the bytes of an event stream leave: one open response of any server, HTTP/1.0 to HTTP/2, or a Fetch body.
 * What differs between them (framing, flushing, how a departed peer shows) is settled below this interface.
 */

export interface Outlet {
  /**
   * Hands bytes to the peer; never throws because it left.
   * @returns False when the peer has not taken what was written before. The bytes were accepted all the same;
   *   write no more than you can afford to hold until `onDrain`.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that were accepted and that the peer has not taken. */
  readonly bufferedBytes: number;
  /** Ends the response as HTTP ends one, after what was written. */
  end(): void;
  /** Cuts the connection (HTTP/2: the stream) at once. */
  destroy(): void;
  /** Called after a `write` that returned false, when the peer took everything. Set by whoever owns the outlet. */
  onDrain: (() => void) | undefined;
  /** Called once, when the response is over for whatever reason: ended, cut, or the peer left. */
  onClose: (() => void) | undefined;
}
