/**
 * Writes an event stream to the socket of an HTTP/1.1 response, in chunks framed by us: the same bytes for all streams, past
 * the copies and callbacks of `response.write`.
 *
 * An idle stream is nearly nothing but its objects, so none is made that all can share: listeners are functions of this
 * module, which find their outlet on what emits. No types of Node's are needed to compile against it.
 * This module is browser compatible.
 */
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import type { Batch } from "../out/batch.ts";
import { cutResponse, handleRejection } from "../../guard/cut-response.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { bufferedLength } from "./buffered-length.ts";
import { hearClose } from "./connection-close.ts";

/** What we use of a `net.Socket`. */
export interface NodeSocket {
  readonly destroyed: boolean;
  readonly writable: boolean;
  readonly writableLength: number;
  /** Of TLS. */
  readonly encrypted?: boolean;
  write(bytes: Uint8Array): boolean;
  destroy(): void;
  cork?(): void;
  uncork?(): void;
  on?(name: string, listener: () => void): unknown;
  once(name: string, listener: () => void): unknown;
  off?(name: string, listener: () => void): unknown;
}

/** Ends the response, or cuts it, when we say so. What made the outlet calls `over` when the response is over. */
export interface Exchange {
  /** The application may end the response past its outlet. Node's name for `writableEnded`, which is no getter. */
  readonly finished?: boolean;
  end(): unknown;
  destroy?(error?: unknown): unknown;
}

export class SocketOutlet implements Outlet {
  closed = false;
  owner: OutletOwner | undefined;
  /** What was thrown by what it is written to, and was cut for. */
  failure: { readonly error: unknown } | undefined;
  readonly #socket: NodeSocket;
  readonly #exchange: Exchange;
  #unhear: (() => void) | undefined;
  #ended = false;
  #blocked = false;
  /** It was blocked once: most never are, and their sockets know nothing of them. */
  #hears = false;

  constructor(socket: NodeSocket, exchange: Exchange) {
    this.#socket = socket;
    this.#exchange = exchange;
  }

  /**
   * For a response of node:http, which tells by its event that it is over.
   * @param isSureToTell - Otherwise the connection is heard as well.
   */
  static of(socket: NodeSocket, response: Exchange & Emitter, isSureToTell: boolean): SocketOutlet {
    const outlet = new SocketOutlet(socket, response);
    (response as Carrier)[OUTLET] = outlet;
    response.on("close", onClose);
    if (!isSureToTell) outlet.#unhear = hearClose(socket, () => outlet.over());
    return outlet;
  }

  get bufferedBytes(): number {
    return bufferedLength(this.#socket);
  }

  get copies(): boolean {
    return this.#socket.encrypted === true;
  }

  write(batch: Batch): boolean {
    return this.writeChunks(batch.chunk);
  }

  /** Writes whole chunks of HTTP/1.1, as they are. */
  writeChunks(bytes: Uint8Array): boolean {
    if (this.closed || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    const socket = this.#socket;
    // The peer has sent its last and Node is closing our side too: `close` is on its way. And behind the last chunk of a response
    // that someone else has ended, whatever follows would be taken for the next response of the connection.
    try {
      if (!socket.writable || this.#exchange.finished === true) {
        if (socket.destroyed) this.#isLost();
        return false;
      }
      if (socket.write(bytes)) return true;
    } catch (error) {
      // Somebody has wrapped it.
      this.#fail(error);
      return false;
    }
    if (!this.#blocked) {
      this.#hears = true;
      (socket as Carrier)[OUTLET] = this;
      socket.once("drain", onDrain);
    }
    this.#blocked = true;
    return false;
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    try {
      handleRejection(this.#exchange.end(), (error) => this.#fail(error));
    } catch (error) {
      // Middleware wraps the end alone, to save a session first.
      this.#fail(error);
    }
  }

  destroy(): void {
    if (this.closed) return;
    this.#ended = true;
    cutResponse(this.#exchange, this.#socket);
    this.#isLost();
  }

  /** Node says so itself, unless someone has removed the listeners of the response or taken its socket away. */
  #isLost(): void {
    inNextTurn(() => this.over());
  }

  #fail(error: unknown): void {
    if (this.closed || this.failure !== undefined) return;
    this.failure = { error };
    this.#ended = true;
    cutResponse(this.#exchange, this.#socket, error);
    this.owner?.onFailed?.(error);
  }

  /** @internal The socket took everything. */
  drained(): void {
    this.#blocked = false;
    if (!this.closed && !this.#ended) this.owner?.onDrain();
  }

  /** @internal The response is over. */
  over(): void {
    if (this.#hears) {
      // The connection may live on, and carry another stream.
      this.#socket.off?.("drain", onDrain);
      (this.#socket as Carrier)[OUTLET] = undefined;
    }
    this.#unhear?.();
    if (this.closed) return;
    this.closed = true;
    this.owner?.onClose();
  }
}

/** The empty chunk that ends a body. */
export const LAST_CHUNK: Uint8Array = new TextEncoder().encode("0\r\n\r\n");

interface Emitter {
  on(name: "close", listener: () => void): unknown;
}

const OUTLET = Symbol("tidings.outlet");

interface Carrier {
  [OUTLET]?: SocketOutlet | undefined;
}

function onDrain(this: unknown): void {
  (this as Carrier)[OUTLET]?.drained();
}

function onClose(this: unknown): void {
  (this as Carrier)[OUTLET]?.over();
}
