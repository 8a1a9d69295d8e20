/**
 * One connection in the acceptor's hands: it waits for a request, and carries the streams of those that are the acceptor's,
 * one after the other. With anything else that comes, it is handed on.
 *
 * No listener is made for a connection, as most do nothing but stay: those of this module find it on its socket.
 * This module is browser compatible.
 */
import { type Exchange, LAST_CHUNK, type NodeSocket, SocketOutlet } from "../adapters/socket-outlet.ts";
import type { Outlet } from "../out/outlet.ts";
import type { ResponseHead } from "../out/response-head.ts";
import type { Linked } from "../streams/stream-list.ts";
import type { Timed } from "../time/timer-wheel.ts";
import type { Batch } from "../out/batch.ts";

/** What we use of a connection's `net.Socket`. */
export interface AcceptedSocket extends NodeSocket {
  allowHalfOpen: boolean;
  readonly remoteAddress?: string | undefined;
  readonly alpnProtocol?: string | false | null;
  write(bytes: Uint8Array, onWritten?: (error?: Error | null) => void): boolean;
  /** Ends our side, and closes the connection once everything was written. */
  destroySoon(): void;
  pause(): unknown;
  resume(): unknown;
  unshift(bytes: Uint8Array): void;
  on(name: string, listener: (...values: never[]) => void): unknown;
  off(name: string, listener: (...values: never[]) => void): unknown;
}

/** The acceptor, as its connections know it. */
export interface ConnectionOwner {
  /** A first chunk came. @returns Whether it was a request to be served here. */
  receive(connection: AcceptedConnection, bytes: IncomingBytes): boolean;
  /** Gives the connection to the server, with what it has sent. */
  handOn(connection: AcceptedConnection, bytes: Uint8Array | undefined): void;
  /** An answer is over, and the connection may carry another. */
  answered(connection: AcceptedConnection): void;
  left(connection: AcceptedConnection): void;
  headBytes(head: ResponseHead, first: Batch, keepsAlive: boolean): Uint8Array;
}

/** A chunk of what a peer sent: a Buffer. */
export type IncomingBytes = Uint8Array & { toString(encoding: "latin1"): string };

export class AcceptedConnection implements Exchange, Linked<AcceptedConnection>, Timed {
  previous: AcceptedConnection | undefined;
  next: AcceptedConnection | undefined;
  dueTick = 0;
  readonly socket: AcceptedSocket;
  /** As the request under way has it. */
  keepsAlive = true;
  /** It carries an answer, or is about to. */
  busy = false;
  /** Odd while an answer is under way that has not had its last byte: another number for each. */
  answer = 0;
  #isUsed = false;
  readonly #owner: ConnectionOwner;
  #outlet: SocketOutlet | undefined;
  #onOver: (() => void)[] | undefined;

  constructor(socket: AcceptedSocket, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    (socket as Carrier)[CONNECTION] = this;
    // A peer that sends its end has left: there is nothing half about a stream that nobody reads.
    socket.allowHalfOpen = false;
    socket.on("data", onData);
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  /** The last byte of the response is written, by us or by the application. */
  get finished(): boolean {
    return this.answer % 2 === 0;
  }

  /** A request is to be answered. */
  begin(keepsAlive: boolean): void {
    this.busy = true;
    this.answer += 1;
    this.#isUsed = true;
    this.keepsAlive = keepsAlive;
  }

  /** Begins the answer with an event stream. */
  open(head: ResponseHead, first: Batch): Outlet {
    const bytes = this.#owner.headBytes(head, first, this.keepsAlive);
    const outlet = new SocketOutlet(this.socket, this);
    this.#outlet = outlet;
    if (this.socket.destroyed) outlet.over();
    else outlet.writeChunks(bytes);
    return outlet;
  }

  write(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }

  /** Ends an answer that was sent in chunks. */
  end(): void {
    this.finish(LAST_CHUNK);
  }

  /** Ends an answer with its last bytes. */
  finish(bytes: Uint8Array): void {
    // Behind its last byte everything is taken for the next answer.
    if (this.finished) return;
    const { socket } = this;
    this.answer += 1;
    if (!this.keepsAlive) {
      socket.write(bytes);
      // As node:http does: a peer that does not close its side would be held forever.
      socket.destroySoon();
      return;
    }
    socket.write(bytes, () => {
      if (!socket.destroyed) this.#over();
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Has `listener` called when the answer under way is over. */
  onOver(listener: () => void): void {
    this.#onOver ??= [];
    this.#onOver.push(listener);
  }

  offOver(listener: () => void): void {
    const left = this.#onOver?.filter((one) => one !== listener);
    this.#onOver = left?.length === 0 ? undefined : left;
  }

  /** Releases the socket, so that the server can take it as it came. */
  release(): AcceptedSocket {
    const { socket } = this;
    (socket as Carrier)[CONNECTION] = undefined;
    socket.off("data", onData);
    socket.off("error", onError);
    socket.off("close", onClose);
    socket.allowHalfOpen = true;
    return socket;
  }

  /** @internal Nothing came for as long as it may wait. */
  onDue(): undefined {
    // One that has had its answer is only kept for the next, as node:http keeps it; a new one has all of the server's patience.
    if (this.#isUsed) this.socket.destroy();
    else this.#owner.handOn(this, undefined);
    return undefined;
  }

  /** @internal */
  came(bytes: IncomingBytes): void {
    if (!this.busy) {
      if (!this.#owner.receive(this, bytes)) this.#owner.handOn(this, bytes);
      return;
    }
    // Behind the request, before its answer is over: it waits where it is, and so does whatever follows.
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  /** @internal */
  left(): void {
    this.#owner.left(this);
    this.#tellOver();
  }

  #over(): void {
    this.#tellOver();
    this.busy = false;
    this.#owner.answered(this);
    this.socket.resume();
  }

  #tellOver(): void {
    const outlet = this.#outlet;
    this.#outlet = undefined;
    outlet?.over();
    const listeners = this.#onOver;
    this.#onOver = undefined;
    for (const listener of listeners ?? []) listener();
  }
}

const CONNECTION = Symbol("tidings.connection");

interface Carrier {
  [CONNECTION]?: AcceptedConnection | undefined;
}

function onData(this: unknown, bytes: IncomingBytes): void {
  (this as Carrier)[CONNECTION]?.came(bytes);
}

function onClose(this: unknown): void {
  (this as Carrier)[CONNECTION]?.left();
}

/** Errors of a connection say only that its peer left; `close` follows. */
function onError(): void {}
