/**
 * Makes an outlet of a Node-style request and response: node:http, node:http2 and every framework that hands those on.
 * An HTTP/1.1 response that nobody has wrapped is written to its socket (socket-outlet.ts); anything else (HTTP/1.0,
 * HTTP/2, a response wrapped by middleware, another runtime's imitation) through its own `write`.
 * Loads where there is no Node, and no types of Node's are needed to compile against it.
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import { joinVary, type ResponseHead } from "../out/response-head.ts";
import { type NodeSocket, SocketOutlet } from "./socket-outlet.ts";
import type { FirstBatch } from "../out/batch.ts";
import type { FastifyReply, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { takeOver } from "../request/take-over.ts";

/** A response that opens event streams in its own way, as the acceptor's does. */
export interface OpensStreams extends NodeResponse {
  openTidingsStream(head: ResponseHead, first: FirstBatch): Outlet;
}

/**
 * Sends the head with its first bytes and returns where the rest goes.
 * @throws {TypeError} If the response has been begun or ended by someone else.
 */
export function createNodeOutlet(
  request: NodeRequest,
  given: NodeResponse | FastifyReply,
  head: ResponseHead,
  first: FirstBatch = head.first,
): Outlet {
  assertUnbegun(given);
  const response = takeOver(given) as WideResponse;
  const version = request.httpVersionMajor ?? request.raw?.httpVersionMajor ?? 1;
  // HTTP/1 alone: HTTP/2 shares one socket among streams, and forbids touching it.
  const socket = version < 2 ? ((request.socket ?? undefined) as NodeSocket | undefined) : undefined;
  if (opensStreams(response)) return response.openTidingsStream(head, first);
  // Nothing may be left that could throw for the life of the process: errors of a response say only that its peer left.
  response.on("error", ignore);
  if (isGone(response, socket)) return closedOutlet(response);
  writeHead(response, head);
  if (request.method === "HEAD") {
    response.flushHeaders();
    const outlet = new ResponseOutlet(response, undefined);
    outlet.end();
    outlet.closed = true;
    return outlet;
  }
  const own = response.socket === socket ? socket : undefined;
  own?.cork?.(); // head and first bytes in one packet
  response.flushHeaders();
  let outlet: Outlet;
  if (own !== undefined && isPlain(response, own)) {
    outlet = SocketOutlet.of(own, response);
    if (first.chunk === undefined) outlet.write(first.bytes);
    else outlet.writeFramed(first.chunk);
  } else {
    outlet = new ResponseOutlet(response, socket);
    outlet.write(first.bytes);
  }
  own?.uncork?.();
  return outlet;
}

/**
 * @throws {TypeError} If it is no response, or has been begun or ended by someone else.
 */
export function assertUnbegun(given: NodeResponse | FastifyReply): void {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot open event stream: response is ${show(given)}, expected a Node response`);
  }
  const response = "hijack" in given ? given.raw : given;
  if (!response.headersSent && !response.writableEnded) return;
  throw new TypeError(
    `Cannot open event stream: response ${response.writableEnded ? "has ended" : "has sent its head"} already, expected one that nothing was written to`,
  );
}

function writeHead(response: WideResponse, head: ResponseHead): void {
  if (isNodesOwn(response) && response.getHeaderNames!().length === 0) {
    // Nothing to merge with: Node then keeps no copy of the headers for the life of the response.
    response.writeHead!(head.status, head.flat);
    return;
  }
  response.statusCode = head.status;
  response.removeHeader("content-length");
  for (const [name, value] of head.headers) {
    // Others may vary the response as well.
    response.setHeader(name, name === "vary" ? joinVary(response.getHeader?.(name), String(value)) : value);
  }
}

/** Writes through the response's own `write`. */
class ResponseOutlet implements Outlet {
  readonly framing = "none";
  closed = false;
  owner: OutletOwner | undefined;

  readonly #response: WideResponse;
  readonly #socket: NodeSocket | undefined;
  #ended = false;
  #blocked = false;
  /** Bytes given to `response.write` since it last took everything: middleware may hold them where no length shows. */
  #held = 0;

  constructor(response: WideResponse, socket: NodeSocket | undefined) {
    this.#response = response;
    this.#socket = socket;
    response.on("close", this.#close);
    response.on("drain", this.#drained);
    // The response of a pipelined request hears nothing of its socket before its turn comes.
    if (!isNodesOwn(response) || response.socket !== socket) socket?.on?.("close", this.#close);
  }

  get bufferedBytes(): number {
    return Math.max(this.#held, this.#response.writableLength ?? 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    let took: unknown;
    try {
      took = this.#response.write(asBuffer(bytes));
      this.#response.flush?.();
    } catch (error) {
      // Middleware that fails has broken this one response; it must not break the loop that writes to all of them.
      this.#response.destroy?.(error);
      return false;
    }
    // A wrapper that forgets to return what it was told has not said no.
    if (took !== false && !this.#blocked) return true;
    this.#held += bytes.length;
    this.#blocked = true;
    return false;
  }

  writeFramed(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    try {
      this.#response.end();
    } catch (error) {
      this.#response.destroy?.(error);
    }
  }

  destroy(): void {
    if (this.closed) return;
    this.#ended = true;
    const { stream } = this.#response;
    // CANCEL rather than no error, or the peer takes what it has for the whole.
    if (stream !== undefined && typeof stream.close === "function") {
      stream.close(HTTP2_CANCEL);
      stream.destroy();
    } else if (typeof this.#response.destroy === "function") {
      this.#response.destroy();
    } else {
      this.#socket?.destroy();
    }
  }

  readonly #drained = (): void => {
    this.#held = 0;
    if (!this.#blocked) return;
    this.#blocked = false;
    if (!this.closed && !this.#ended) this.owner?.onDrain();
  };

  readonly #close = (): void => {
    this.#socket?.off?.("close", this.#close);
    if (this.closed) return;
    this.closed = true;
    this.owner?.onClose();
  };
}

function closedOutlet(response: WideResponse): Outlet {
  const outlet = new ResponseOutlet(response, undefined);
  outlet.closed = true;
  return outlet;
}

function opensStreams(response: NodeResponse): response is OpensStreams {
  return typeof (response as Partial<OpensStreams>).openTidingsStream === "function";
}

function isGone(response: WideResponse, socket: NodeSocket | undefined): boolean {
  return response.destroyed === true || socket?.destroyed === true || response.stream?.destroyed === true;
}

/**
 * Whether what we write to the socket is what `response.write` would have: Node's own response in its turn, in HTTP/1.1
 * chunks, with nothing waiting in it, and no one between.
 */
function isPlain(response: WideResponse, socket: NodeSocket): boolean {
  const classes = nodeClasses();
  return (
    classes !== undefined &&
    response.write === classes.ServerResponse.prototype.write &&
    response.chunkedEncoding === true &&
    socket instanceof classes.Socket &&
    response.writableLength === socket.writableLength
  );
}

/** Whether the response is Node's own, and nobody waits to hear of its head. */
function isNodesOwn(response: WideResponse): boolean {
  const classes = nodeClasses();
  if (classes === undefined || !(response instanceof classes.ServerResponse)) return false;
  const { writeHead, setHeader } = classes.ServerResponse.prototype;
  return (
    (response as WideResponse).writeHead === writeHead && (response as WideResponse).setHeader === setHeader
  );
}

let classesOfNode: NodeClasses | undefined;

/** Undefined where there is no Node: the others bring classes that only look like Node's. */
function nodeClasses(): NodeClasses | undefined {
  if (classesOfNode !== undefined) return classesOfNode;
  const { process } = node;
  if (
    process === undefined ||
    process.versions["bun"] !== undefined ||
    process.versions["deno"] !== undefined
  ) {
    return undefined;
  }
  const { ServerResponse } = process.getBuiltinModule("node:http");
  const { Socket } = process.getBuiltinModule("node:net");
  classesOfNode = { ServerResponse, Socket };
  return classesOfNode;
}

/** The same memory as a Buffer: middleware that records or rewrites calls `toString` on what it gets. */
function asBuffer(bytes: Uint8Array): Uint8Array {
  const { Buffer } = node;
  if (Buffer === undefined || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function ignore(): void {}

const HTTP2_CANCEL = 8;

interface NodeClasses {
  readonly ServerResponse: (abstract new () => unknown) & {
    readonly prototype: Readonly<Record<"write" | "writeHead" | "setHeader", unknown>>;
  };
  readonly Socket: abstract new () => unknown;
}

const node = globalThis as unknown as {
  readonly process?: {
    readonly versions: Readonly<Record<string, string | undefined>>;
    getBuiltinModule(name: "node:http"): Pick<NodeClasses, "ServerResponse">;
    getBuiltinModule(name: "node:net"): Pick<NodeClasses, "Socket">;
  };
  readonly Buffer?: {
    isBuffer(value: unknown): boolean;
    from(memory: ArrayBufferLike, offset: number, length: number): Uint8Array;
  };
};

/** What the servers we know of have besides; each part may be missing in an imitation. */
interface WideResponse extends NodeResponse {
  flushHeaders(): void;
  getHeader?(name: string): string | readonly string[] | undefined;
  getHeaderNames?(): string[];
  writeHead?(status: number, headers: readonly unknown[]): unknown;
  readonly destroyed?: boolean;
  readonly chunkedEncoding?: boolean;
  readonly writableLength?: number;
  readonly stream?: { readonly destroyed: boolean; close?(code: number): void; destroy(): void };
  destroy?(error?: unknown): void;
  /** Middleware that compresses offers it, to send what it has rather than wait for more. */
  flush?(): void;
}
