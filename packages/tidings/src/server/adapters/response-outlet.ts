/**
 * Writes an event stream through the response's own `write`: HTTP/1.0, HTTP/2, a response that middleware has wrapped,
 * another runtime's imitation.
 * This module is browser compatible.
 */
import type { Batch } from "../out/batch.ts";
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import { cutResponse, handleRejection } from "../../guard/cut-response.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { bufferedLength } from "./buffered-length.ts";
import { hearClose } from "./connection-close.ts";
import { isGone, type WideResponse } from "./node-response.ts";
import type { NodeSocket } from "./socket-outlet.ts";

export class ResponseOutlet implements Outlet {
  closed = false;
  owner: OutletOwner | undefined;
  /** What middleware threw, and was cut for. */
  failure: { readonly error: unknown } | undefined;

  readonly #response: WideResponse;
  readonly #socket: NodeSocket | undefined;
  #unhear: (() => void) | undefined;
  #ended = false;
  #blocked = false;
  /** Bytes given to `response.write` since it last took everything: middleware may hold them where no length shows. */
  #held = 0;

  /** @param socket - Heard as well, where the response might not tell that its connection is over. */
  constructor(response: WideResponse, socket: NodeSocket | undefined) {
    this.#response = response;
    this.#socket = socket;
    response.on("close", this.#close);
    response.on("drain", this.#drained);
    if (socket !== undefined) this.#unhear = hearClose(socket, this.#close);
  }

  get bufferedBytes(): number {
    return Math.max(this.#held, bufferedLength(this.#response));
  }

  write({ bytes }: Batch): boolean {
    if (this.closed || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    let took: unknown;
    try {
      took = this.#response.write(asBuffer(bytes));
      this.#response.flush?.();
      if (typeof took === "object") handleRejection(took, this.#fail);
    } catch (error) {
      // Middleware that fails has broken this one response; it must not break the loop that writes to all of them.
      this.#fail(error);
      return false;
    }
    // A wrapper that forgets to return what it was told has not said no.
    if (took !== false && !this.#blocked) return true;
    if (isGone(this.#response, this.#socket)) this.#isLost();
    this.#held += bytes.length;
    this.#blocked = true;
    return false;
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    try {
      handleRejection(this.#response.end(), this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  destroy(): void {
    if (this.closed) return;
    this.#ended = true;
    cutResponse(this.#response, this.#socket);
    this.#isLost();
  }

  /** It says so itself, unless someone has removed its listeners. */
  #isLost(): void {
    inNextTurn(this.#close);
  }

  readonly #fail = (error: unknown): void => {
    if (this.closed || this.failure !== undefined) return;
    this.failure = { error };
    this.#ended = true;
    cutResponse(this.#response, this.#socket, error);
    this.owner?.onFailed?.(error);
  };

  readonly #drained = (): void => {
    this.#held = 0;
    if (!this.#blocked) return;
    this.#blocked = false;
    if (!this.closed && !this.#ended) this.owner?.onDrain();
  };

  readonly #close = (): void => {
    this.#unhear?.();
    if (this.closed) return;
    this.closed = true;
    this.owner?.onClose();
  };
}

/** The same memory as a Buffer: middleware that records or rewrites calls `toString` on what it gets. */
function asBuffer(bytes: Uint8Array): Uint8Array {
  const { Buffer } = globalThis as { Buffer?: BufferClass };
  if (Buffer === undefined || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

interface BufferClass {
  isBuffer(value: unknown): boolean;
  from(memory: ArrayBufferLike, offset: number, length: number): Uint8Array;
}
