/**
 * The request and the response of a stream that the acceptor serves: what an event stream, or the refusal of one, needs.
 * Both are forgotten once the stream is open.
 * This module is browser compatible.
 */
import type { OpensStreams } from "../adapters/node.ts";
import type { Outlet } from "../out/outlet.ts";
import { joinVary, type ResponseHead } from "../out/response-head.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { rawHeaders, type RequestHead } from "./request-head.ts";
import { Batch } from "../out/batch.ts";
import { checkHeader } from "../out/check-header.ts";
import { writeResponseHead } from "./response-bytes.ts";

/** A request, as node:http would hand it on, without a body. */
export class AcceptedRequest {
  readonly method = "GET";
  /** Path and query. */
  readonly url: string;
  readonly httpVersionMajor = 1;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The `net.Socket`, or `tls.TLSSocket`. */
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly #head: RequestHead;
  #raw: readonly string[] | undefined;

  constructor(head: RequestHead, socket: AcceptedRequest["socket"]) {
    this.url = head.url;
    this.headers = head.headers;
    this.socket = socket;
    this.#head = head;
  }

  get rawHeaders(): readonly string[] {
    this.#raw ??= rawHeaders(this.#head);
    return this.#raw;
  }
}

/** Answers one request: with an event stream, by `hub.subscribe` or `openStream`, or whole, by `end`. */
export class AcceptedResponse implements OpensStreams {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  readonly #connection: AcceptedConnection;
  /** The connection may carry another answer by now, of which nothing is ours. */
  readonly #answer: number;
  #headers: Map<string, string | readonly string[]> | undefined;

  constructor(connection: AcceptedConnection) {
    this.#connection = connection;
    this.#answer = connection.answer;
  }

  get #isOver(): boolean {
    return this.writableEnded || this.#connection.answer !== this.#answer;
  }

  get socket(): unknown {
    return this.#connection.socket;
  }

  /** @throws {TypeError} If the head has been sent, or the name or value cannot stand in one. */
  setHeader(name: string, value: string | readonly string[]): this {
    if (this.headersSent) {
      throw new TypeError(`Cannot set header ${JSON.stringify(name)}: the head has been sent already`);
    }
    checkHeader(name, value);
    this.#headers ??= new Map();
    this.#headers.set(name.toLowerCase(), value);
    return this;
  }

  getHeader(name: string): string | readonly string[] | undefined {
    return this.#headers?.get(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#headers?.delete(name.toLowerCase());
  }

  /** Sends a part of a body. @returns False when the peer has not taken what was written before. */
  write(bytes: Uint8Array | string): boolean {
    if (this.#isOver) return false;
    const chunk = Batch.of(bytes).chunk;
    const isBegun = this.headersSent;
    this.headersSent = true;
    if (isBegun) return this.#connection.write(chunk);
    return this.#connection.write(this.#head([["transfer-encoding", "chunked"]], chunk));
  }

  /** Ends the response, with all of the body or its last part. */
  end(bytes?: Uint8Array | string): this {
    if (this.#isOver) return this;
    if (this.headersSent) {
      if (bytes !== undefined && bytes.length > 0) this.write(bytes);
      this.writableEnded = true;
      this.#connection.end();
      return this;
    }
    const body = typeof bytes === "string" ? utf8.encode(bytes) : (bytes ?? new Uint8Array());
    this.headersSent = true;
    this.writableEnded = true;
    this.#connection.finish(this.#head([["content-length", String(body.length)]], body));
    return this;
  }

  /** Cuts the connection. */
  destroy(): void {
    const { answer } = this.#connection;
    this.writableEnded = true;
    // What was written last may not have left yet.
    if (answer === this.#answer || answer === this.#answer + 1) this.#connection.destroy();
  }

  /** `"close"` is heard when the response is over, for whatever reason. There is no other event. */
  on(name: string, listener: () => void): this {
    if (name === "close") this.#connection.onOver(listener);
    return this;
  }

  off(name: string, listener: () => void): this {
    if (name === "close") this.#connection.offOver(listener);
    return this;
  }

  /** @internal */
  openTidingsStream(head: ResponseHead, first: Batch): Outlet {
    const outlet = this.#connection.open(this.#headers === undefined ? head : this.#merge(head), first);
    this.headersSent = true;
    return outlet;
  }

  /** What the application has set stays, unless the stream's own head says otherwise: as with node:http. */
  #merge(head: ResponseHead): ResponseHead {
    const headers = new Map(this.#headers);
    headers.delete("content-length");
    for (const [name, value] of head.headers) {
      headers.set(name, name === "vary" ? joinVary(headers.get(name), String(value)) : value);
    }
    return { ...head, headers: [...headers] };
  }

  #head(framing: readonly (readonly [string, string])[], body: Uint8Array): Uint8Array {
    const headers = [...new Map([...(this.#headers ?? []), ...framing])];
    return writeResponseHead(this.statusCode, headers, this.#connection.keepsAlive, body);
  }
}

const utf8 = new TextEncoder();
