/**
 * A server whose every response the test writes byte by byte, over a real socket.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  method: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface EventServer {
  readonly url: string;
  /** The requests that came, in order. */
  readonly seen: Seen[];
  /** Connections open now. */
  readonly open: number;
  close(): Promise<void>;
}

/** @param answer - Called with each response; `count` is 1 for the first request. */
export async function serve(
  answer: (response: ServerResponse, seen: Seen, count: number) => void,
): Promise<EventServer> {
  const seen: Seen[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      const one = { method: request.method!, headers: request.headers, body };
      seen.push(one);
      answer(response, one, seen.length);
    });
  });
  server.on("connection", (socket) => {
    open++;
    socket.on("close", () => open--);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    get open() {
      return open;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function stream(response: ServerResponse, text = ""): ServerResponse {
  response.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
  });
  response.flushHeaders();
  if (text !== "") response.write(text);
  return response;
}
