/**
 * A request over HTTP/1.1, on a connection of its own.
 */
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { Exchange, ExchangeHandlers, ExchangeRequest } from "./exchange-types.ts";

export function overHttp1(
  socket: Socket,
  { url, method, headers, body }: ExchangeRequest,
  handlers: Required<ExchangeHandlers>,
): Exchange {
  const { pathname, search, host, username } = new URL(url);
  const connectedAtMs = performance.now();
  const remoteAddress = socket.remoteAddress ?? "";
  let paused = false;
  let incoming: import("node:http").IncomingMessage | undefined;
  const outgoing = httpRequest({
    createConnection: () => socket,
    method,
    path: pathname + search,
    headers: {
      host,
      ...(username !== "" && { authorization: basicOf(url) }),
      ...headers,
      ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
      connection: "close",
    },
  });
  outgoing.on("response", (response) => {
    incoming = response;
    handlers.onHead({
      status: response.statusCode!,
      httpVersion: response.httpVersion,
      headers: pairsOf(response.rawHeaders),
      connectedAtMs,
      atMs: performance.now(),
      remoteAddress,
    });
    response.on("data", (chunk: Buffer) => handlers.onChunk(chunk, performance.now()));
    response.on("error", () => {});
    response.on("close", () =>
      response.complete
        ? handlers.onEnd("end")
        : handlers.onEnd("cut", response.errored ?? new Error("the connection broke")),
    );
    if (paused) response.pause();
  });
  outgoing.on("error", (error) => {
    if (incoming === undefined) handlers.onEnd("cut", error);
  });
  outgoing.on("close", () => {
    if (incoming === undefined) handlers.onEnd("cut", new Error("the connection closed without an answer"));
  });
  outgoing.end(body);
  return {
    pause() {
      paused = true;
      incoming?.pause();
    },
    resume() {
      paused = false;
      incoming?.resume();
    },
    close: () => void outgoing.destroy(),
  };
}

/** What `user:password@` in a URL asks for. */
export function basicOf(url: string): string {
  const { username, password } = new URL(url);
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(plain).toString("base64")}`;
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[at * 2]!, raw[at * 2 + 1]!]);
}
