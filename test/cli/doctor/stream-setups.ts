/**
 * Makes streams for the doctor to examine.
 */
import { createServer as createTcpServer } from "node:net";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createGzip, constants } from "node:zlib";
import { generate } from "selfsigned";
import { GOOD_HEADERS, serve, type Setup, type Started, ticking } from "./setup.ts";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;
type Ticking = NonNullable<Parameters<typeof ticking>[2]>;

/** A set-up whose server answers each request with a function. */
export const answering = (
  name: string,
  finds: readonly string[],
  answer: Answer,
  more: Partial<Setup> = {},
): Setup => ({ name, finds, start: () => serve(answer), ...more });

/** A set-up whose server sends messages at an interval. */
export const stream = (
  name: string,
  finds: readonly string[],
  options: Ticking,
  more: Partial<Setup> = {},
): Setup => answering(name, finds, (request, response) => void ticking(request, response, options), more);

/** The good headers without one of them. */
export const without = (name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(GOOD_HEADERS).filter(([each]) => each !== name));

/** A model's answer, sent whole. */
export const finite =
  (text: string, head: Record<string, string> = GOOD_HEADERS): Answer =>
  (_, response) => {
    response.writeHead(200, head);
    response.end(text);
  };

/** Calls back at an interval, until the response is over. */
export function every(ms: number, response: ServerResponse, call: () => void): void {
  const timer = setInterval(call, ms);
  response.on("close", () => clearInterval(timer));
}

/** A stream in gzip, if the request accepts that. */
export function compressed(flushes: boolean): Answer {
  return (request, response) => {
    if (!/gzip/.test(String(request.headers["accept-encoding"]))) return void ticking(request, response);
    const gzip = createGzip();
    gzip.pipe(response);
    ticking(request, response, {
      head: { ...GOOD_HEADERS, "content-encoding": "gzip" },
      write(text) {
        gzip.write(text);
        if (flushes) gzip.flush(constants.Z_SYNC_FLUSH);
      },
    });
  };
}

/** Writes its own head, as no node:http server would. */
export async function rawServer(head: string): Promise<Started> {
  const sockets = new Set<import("node:net").Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (bytes: Buffer) => {
      const from = Number(/last-event-id: (\d+)/.exec(bytes.toString())?.[1] ?? 0);
      const fields = Object.entries(GOOD_HEADERS).map(([name, value]) => `${name}: ${value}`);
      socket.write(`${head}\r\n${fields.join("\r\n")}\r\n\r\n: \n\n`);
      let n = from;
      const timer = setInterval(() => socket.write(`id: ${++n}\ndata: 1\n\n`), 300);
      socket.on("close", () => clearInterval(timer));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

export async function tlsServer(): Promise<Started> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
  const server = createTlsServer(
    { key, cert },
    (request, response) => void ticking(request, response),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
