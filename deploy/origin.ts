/**
 * A server behind a proxy, driven by a test: it sends what it is told, when it is told, and says nothing to proxies.
 * No `X-Accel-Buffering`, no `Cache-Control`, no heartbeat: whatever goes well is the proxy's doing.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { encode } from "../packages/tidings/src/index.ts";

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
  /** The stream of the next request: its headers have been flushed, its body is empty. */
  next(): Promise<OriginStream>;
  stop(): Promise<void>;
}

export async function startOrigin(): Promise<Origin> {
  const opened: OriginStream[] = [];
  const waiting: ((stream: OriginStream) => void)[] = [];
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const stream = originStream(request, response);
    const taker = waiting.shift();
    if (taker === undefined) opened.push(stream);
    else taker(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    next() {
      const stream = opened.shift();
      return stream === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(stream);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function originStream(request: IncomingMessage, response: ServerResponse): OriginStream {
  const closed = once(response, "close").then(() => undefined);
  return {
    request,
    response,
    closed,
    send(id, dataBytes = 20) {
      const sentAt = performance.now();
      response.write(encode({ id, data: "x".repeat(dataBytes) }));
      return sentAt;
    },
    end: () => void response.end(),
    crash: () => void response.socket?.destroy(),
  };
}
