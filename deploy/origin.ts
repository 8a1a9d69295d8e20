/**
 * A server behind a proxy, driven by a test: it sends what the test says, when it says so. A plain one tells proxies nothing: no
 * `X-Accel-Buffering`, no `Cache-Control`, no heartbeat, so whatever goes well is the proxy's doing. The other uses Tidings.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { encode } from "../packages/tidings/src/index.ts";
import { openStream } from "../packages/tidings/src/server/index.ts";

export interface OriginStream {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Sends one message with this `id` and at least `dataBytes` of data. @returns When, on the clock of `performance.now()`. */
  send(id: string, dataBytes?: number): number;
  /** Ends the stream as HTTP ends one. */
  end(): void;
  /** Dies in the middle of the response: the connection goes without its last chunk. */
  crash(): void;
  /** When the server learnt that the response is over. */
  readonly closed: Promise<void>;
}

export interface Origin {
  readonly port: number;
  readonly url: string;
  /**
   * The stream of the next request, or of the next one for this path: its headers have been flushed, its body is empty but for
   * what Tidings begins with.
   */
  next(path?: string): Promise<OriginStream>;
  stop(): Promise<void>;
}

export interface OriginOptions {
  /** Whether it answers with `openStream`. Default: it writes the format by itself. */
  tidings?: boolean;
  /** More response headers. */
  headers?: Record<string, string>;
  /** Middleware before it, such as an Express application that ends with it. */
  behind?: (listener: RequestListener) => RequestListener;
}

export async function startOrigin({
  tidings = false,
  headers = {},
  behind = (listener) => listener,
}: OriginOptions = {}): Promise<Origin> {
  const opened: OriginStream[] = [];
  const waiting: { path: string | undefined; take: (stream: OriginStream) => void }[] = [];
  const fits = (path: string | undefined, { request }: OriginStream): boolean =>
    path === undefined || path === request.url;
  const listener: RequestListener = (request, response) => {
    const stream = tidings
      ? tidingsStream(request, response, headers)
      : plainStream(request, response, headers);
    const taker = waiting.findIndex(({ path }) => fits(path, stream));
    if (taker === -1) opened.push(stream);
    else waiting.splice(taker, 1)[0]?.take(stream);
  };
  const server = createServer(behind(listener));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let stopped: Promise<unknown> | undefined;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    next(path) {
      const index = opened.findIndex((stream) => fits(path, stream));
      const [stream] = index === -1 ? [] : opened.splice(index, 1);
      return stream === undefined
        ? new Promise((take) => waiting.push({ path, take }))
        : Promise.resolve(stream);
    },
    async stop() {
      stopped ??= once(server, "close");
      server.closeAllConnections();
      server.close();
      await stopped;
    },
  };
}

function plainStream(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): OriginStream {
  response.writeHead(200, { "content-type": "text/event-stream", ...headers });
  response.flushHeaders();
  return originStream(request, response, (text) => response.write(text));
}

function tidingsStream(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): OriginStream {
  const stream = openStream(request, response, { headers });
  return {
    ...originStream(request, response, () => undefined),
    send(id, dataBytes = 20) {
      const sentAt = performance.now();
      stream.send({ id, data: "x".repeat(dataBytes) });
      return sentAt;
    },
    end: () => stream.end(),
  };
}

function originStream(
  request: IncomingMessage,
  response: ServerResponse,
  write: (text: string) => void,
): OriginStream {
  return {
    request,
    response,
    closed: once(response, "close").then(() => undefined),
    send(id, dataBytes = 20) {
      const sentAt = performance.now();
      write(encode({ id, data: "x".repeat(dataBytes) }));
      return sentAt;
    },
    end: () => void response.end(),
    crash: () => void response.socket?.destroy(),
  };
}
