/**
 * Serves event streams in front of a node:http server, with less than half of the memory: node:http never parses their requests.
 * All other requests reach the server unchanged.
 * This module is browser compatible, and does nothing there.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { positive } from "../../guard/positive.ts";
import { ignore } from "../../guard/ignore.ts";
import { ask, reporter, type Report } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import { AskedAuthorization } from "./asked-authorization.ts";
import { readAuthorization } from "../subscribe/authorization.ts";
import { nodePeer } from "../request/peer.ts";
import { type Refusal, refuseNode } from "../request/refusal.ts";
import type { ResponseHead } from "../out/response-head.ts";
import { StreamList } from "../streams/stream-list.ts";
import { sharedWheel } from "../time/timer-wheel.ts";
import { compileTopicPattern, type TopicMatcher } from "../topics/topic-pattern.ts";
import {
  AcceptedConnection,
  type AcceptedSocket,
  type ConnectionOwner,
  type IncomingBytes,
} from "./accepted-connection.ts";
import { AcceptedRequest, AcceptedResponse } from "./accepted-response.ts";
import { readRequestHead } from "./request-head.ts";
import { SharedHead } from "./response-bytes.ts";
import type { NodeRequest, NodeResponse } from "../request/http-types.ts";
import { isNode } from "../request/is-node.ts";
import type { Batch } from "../out/batch.ts";

/** A request for a stream, from the acceptor or from node:http: what both have. */
export type StreamRequest = NodeRequest & { readonly url?: string | undefined };

/** Opens a stream: `(request, response) => hub.subscribe(request, response, { topics: ["book/1"] })`. */
export type StreamHandler = (request: StreamRequest, response: NodeResponse) => unknown;

export interface AcceptorOptions {
  /**
   * Required. Called before each stream, since the acceptor answers before your server does: no middleware, no guard and no
   * hook of your application sees these requests. Returns `true` to serve the stream, `false` for 403, `{ refuse: 401 }`
   * with `headers` and `detail` for anything else. If it rejects, returns anything else, or takes longer than `timeoutMs`, the answer
   * is 503. `"public"` serves everyone.
   */
  authorize: AcceptorAuthorize | "public";
  /** Milliseconds that `authorize` may take. After that, the request is refused with 503. `false` waits for ever. Default: 30,000. */
  timeoutMs?: number | false | undefined;
  /**
   * Milliseconds that a new connection may be silent before it is passed on to the server, whose own limits apply from then
   * on. Default: 10,000.
   */
  silenceMs?: number | undefined;
  /**
   * Maximum bytes of a request's head. A larger one is passed on to the server, which has its own limit. Default: 8,192. At most
   * 8 kB for each request that waits for `authorize`.
   */
  maxHeadBytes?: number | undefined;
  /**
   * Connections that wait for a request. Beyond it, the one that has waited longest is closed. Default: 10,000. At most 38 MiB.
   */
  maxWaiting?: number | undefined;
  /** Receives the errors of handlers. The peer gets 500, if nothing was sent yet. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

export type AcceptorAuthorize = (
  request: StreamRequest,
  context: {
    /** Aborts when the result is no longer needed: the peer left, or the time is up. */
    readonly signal: AbortSignal;
  },
) => AcceptorAuthorization | Promise<AcceptorAuthorization>;

export type AcceptorAuthorization =
  | boolean
  | {
      readonly refuse: 401 | 403;
      readonly headers?: Readonly<Record<string, string>>;
      readonly detail?: string;
    };

export interface Acceptor {
  /**
   * Serves a request that reached the server all the same: over a connection that carried others before, over HTTP/1.0 or
   * HTTP/2, as HEAD, with a head that is not plain.
   * @returns Whether its path is one of the acceptor's. If not, nothing was done.
   */
  serve(request: StreamRequest, response: NodeResponse): boolean;
  stats(): AcceptorStatistics;
}

export interface AcceptorStatistics {
  /** Connections that the acceptor holds now: with a stream, or waiting for a request. */
  readonly connections: number;
  /** Requests that it served since it was made. */
  readonly served: number;
  /** Connections that it handed on to the server. */
  readonly handedOn: number;
}

/** What we use of a server: `http.Server` and `https.Server` have it, and `http2.Http2SecureServer` with `allowHTTP1`. */
export interface AcceptorServer {
  keepAliveTimeout?: number;
  listeners(name: string): unknown[];
  removeListener(name: string, listener: (...values: unknown[]) => void): unknown;
  prependListener(name: string, listener: (...values: unknown[]) => void): unknown;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/**
 * Accepts the connections of a server before it does. Connections that begin with a plain GET for one of the paths stay here. All
 * others are passed on to the server with every byte they have sent.
 * @param server - Call its `listen` as before. Its `closeIdleConnections` and `closeAllConnections` close these connections too.
 * @param paths - Handlers by path: `"/prices"`, `"/books/:id"`, `"/groups/*"`. The first match applies.
 * @throws {TypeError} If `options.authorize` is missing, the server is not one of Node's, has an acceptor, or a path cannot be compiled.
 * @throws {RangeError} If an option is not a number above 0; `timeoutMs` may be false.
 */
export function createAcceptor(
  server: AcceptorServer,
  paths: Readonly<Record<string, StreamHandler>>,
  options: AcceptorOptions,
): Acceptor {
  return new OpenAcceptor(server, paths, options);
}

class OpenAcceptor implements Acceptor, ConnectionOwner {
  readonly #server: AcceptorServer;
  /** What the server does with a connection. */
  readonly #own: (socket: unknown) => void;
  readonly #exact = new Map<string, StreamHandler>();
  readonly #patterns: { readonly matches: TopicMatcher; readonly handler: StreamHandler }[] = [];
  /** Those with an answer, and those that wait for a request, which have waited longest first. */
  readonly #busy = new StreamList<AcceptedConnection>();
  readonly #waiting = new StreamList<AcceptedConnection>();
  readonly #wheel = sharedWheel();
  readonly #sharedHead = new SharedHead();
  readonly #silenceMs: number;
  readonly #maxHeadBytes: number;
  readonly #maxWaiting: number;
  readonly #authorize: AcceptorAuthorize | undefined;
  readonly #timeoutMs: number;
  readonly #report: Report;
  #served = 0;
  #handedOn = 0;

  constructor(
    server: AcceptorServer,
    paths: Readonly<Record<string, StreamHandler>>,
    options: AcceptorOptions,
  ) {
    const {
      silenceMs = 10_000,
      maxHeadBytes = 8_192,
      timeoutMs = 30_000,
      maxWaiting = 10_000,
      authorize,
      onError,
    } = options ?? {};
    checkOptionNames("create acceptor", options ?? {}, {
      known: ["authorize", "timeoutMs", "silenceMs", "maxHeadBytes", "maxWaiting", "onError"],
    });
    if (authorize !== "public" && typeof authorize !== "function") {
      throw new TypeError(
        `Cannot create acceptor: authorize is ${show(authorize)}, expected a function, or "public" when everyone may read these streams: they are served before your server and its middleware see the request`,
      );
    }
    this.#authorize = authorize === "public" ? undefined : authorize;
    this.#timeoutMs =
      timeoutMs === false ? Infinity : positive("create acceptor", "timeoutMs", timeoutMs, "false");
    this.#silenceMs = positive("create acceptor", "silenceMs", silenceMs);
    this.#maxHeadBytes = positive("create acceptor", "maxHeadBytes", maxHeadBytes);
    this.#maxWaiting = positive("create acceptor", "maxWaiting", maxWaiting);
    this.#report = reporter(onError);
    for (const [path, handler] of Object.entries(paths)) this.#addPath(path, handler);
    this.#server = server;
    this.#own = this.#interpose(server);
  }

  serve(request: StreamRequest, response: NodeResponse): boolean {
    const { url = "", method } = request;
    const query = url.indexOf("?");
    const handler = this.#find(query === -1 ? url : url.slice(0, query));
    if (handler === undefined || (method !== "GET" && method !== "HEAD")) return false;
    this.#handle(handler, request, response);
    return true;
  }

  stats(): AcceptorStatistics {
    return {
      connections: this.#busy.size + this.#waiting.size,
      served: this.#served,
      handedOn: this.#handedOn,
    };
  }

  /** @internal */
  receive(connection: AcceptedConnection, bytes: IncomingBytes): boolean {
    if (bytes.length > this.#maxHeadBytes) return false;
    const head = readRequestHead(bytes.toString("latin1"));
    const handler = head === undefined ? undefined : this.#find(head.path);
    if (head === undefined || handler === undefined) return false;
    this.#wheel.remove(connection);
    this.#served += 1;
    this.#waiting.remove(connection);
    connection.begin(head.keepsAlive);
    this.#busy.add(connection);
    this.#handle(handler, new AcceptedRequest(head, connection.socket), new AcceptedResponse(connection));
    return true;
  }

  /** @internal */
  handOn(connection: AcceptedConnection, bytes: Uint8Array | undefined): void {
    this.left(connection);
    this.#handedOn += 1;
    const socket = connection.release();
    // Paused, so that the bytes wait until the server listens; then all flows as it would have.
    socket.pause();
    if (bytes !== undefined) socket.unshift(bytes);
    this.#own.call(this.#server, socket);
    socket.resume();
  }

  /** @internal */
  answered(connection: AcceptedConnection): void {
    const { keepAliveTimeout = 5_000 } = this.#server;
    this.#busy.remove(connection);
    this.#wait(connection, keepAliveTimeout > 0 ? keepAliveTimeout : this.#silenceMs);
  }

  /** @internal */
  left(connection: AcceptedConnection): void {
    this.#wheel.remove(connection);
    (connection.busy ? this.#busy : this.#waiting).remove(connection);
  }

  /** @internal */
  headBytes(head: ResponseHead, first: Batch, keepsAlive: boolean): Uint8Array {
    return this.#sharedHead.of(head, first, keepsAlive);
  }

  #accept(socket: AcceptedSocket): void {
    // HTTP/2 begins with what no request of HTTP/1.1 can; where TLS has settled on it, it need not be looked at.
    if (socket.alpnProtocol === "h2") return this.#own.call(this.#server, socket);
    const connection = new AcceptedConnection(socket, this);
    this.#wait(connection, this.#silenceMs);
  }

  #wait(connection: AcceptedConnection, forMs: number): void {
    this.#waiting.add(connection);
    this.#wheel.add(connection, forMs);
    if (this.#waiting.size <= this.#maxWaiting) return;
    const oldest = this.#waiting.first!;
    this.left(oldest);
    oldest.release().destroy();
  }

  #find(path: string): StreamHandler | undefined {
    return this.#exact.get(path) ?? this.#patterns.find(({ matches }) => matches(path))?.handler;
  }

  #handle(handler: StreamHandler, request: StreamRequest, response: NodeResponse): void {
    const authorize = this.#authorize;
    if (authorize === undefined) return this.#open(handler, request, response);
    const asked = new AskedAuthorization(
      () => authorize(request, asked),
      this.#timeoutMs,
      nodePeer(response),
    );
    asked.decide(
      (answer) => {
        const decision = readAuthorization(answer, 0, true);
        return "code" in decision
          ? () => refuseNode(response, decision, this.#report)
          : () => this.#open(handler, request, response);
      },
      (error) => {
        this.#report(error);
        refuseNode(response, UNDECIDED, this.#report);
      },
    );
  }

  #open(handler: StreamHandler, request: StreamRequest, response: NodeResponse): void {
    ask(
      () => handler(request, response),
      ignore,
      (error) => {
        this.#report(error);
        if (!response.headersSent && !response.writableEnded)
          return refuseNode(response, FAILED, this.#report);
        (response as { destroy?(): void }).destroy?.();
      },
    );
  }

  #addPath(path: string, handler: StreamHandler): void {
    if (!path.startsWith("/") || typeof handler !== "function") {
      throw new TypeError(
        `Cannot create acceptor: ${JSON.stringify(path)} is given ${typeof handler}, expected a path that begins with / and a function`,
      );
    }
    if (/[:*\\]/.test(path)) this.#patterns.push({ matches: compileTopicPattern(path), handler });
    else this.#exact.set(path, handler);
  }

  #interpose(server: AcceptorServer): (socket: unknown) => void {
    if (taken.has(server)) {
      throw new TypeError("Cannot create acceptor: server has one already, expected one with all paths");
    }
    const event = server.listeners("secureConnection").length > 0 ? "secureConnection" : "connection";
    const listeners = server.listeners(event) as ((socket: unknown) => void)[];
    // The server's own was made with it: those that are called so are none of the application's.
    const own = listeners.find(({ name }) => name === "connectionListener") ?? listeners[0];
    if (own === undefined || typeof server.closeIdleConnections !== "function" || !isNode()) {
      throw new TypeError(
        "Cannot create acceptor: server does not accept HTTP/1.1 connections itself, expected node:http's or node:https's createServer(), on Node",
      );
    }
    taken.add(server);
    server.removeListener(event, own);
    server.prependListener(event, (socket) => this.#accept(socket as AcceptedSocket));
    const closeIdle = server.closeIdleConnections.bind(server);
    const closeAll = server.closeAllConnections?.bind(server);
    server.closeIdleConnections = () => {
      for (const connection of this.#waiting) connection.destroy();
      closeIdle();
    };
    server.closeAllConnections = () => {
      for (const connection of this.#waiting) connection.destroy();
      for (const connection of this.#busy) connection.destroy();
      closeAll?.();
    };
    return own;
  }
}

const taken = new WeakSet<AcceptorServer>();

const FAILED: Refusal = { code: "failed", status: 500, detail: "The stream cannot be served" };

const UNDECIDED: Refusal = {
  code: "failed",
  status: 503,
  detail: "Whether the stream may be read cannot be decided now",
  retryAfter: 5,
};
