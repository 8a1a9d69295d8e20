/**
 * Serves the cases: `/case/17/ours` is case 17 for a client called "ours", which is answered by its attempts. And notes what each attempt
 * asked for.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { type Answer, caseOf } from "./cases.ts";

export interface ForeignServer {
  readonly port: number;
  /** The `Last-Event-ID` of each attempt at a case, `null` for none. */
  asked(path: string): readonly (string | null)[];
  close(): Promise<void>;
}

/** @param pages - What else is served, by path. */
export async function startForeignServer(
  pages: Readonly<Record<string, string>> = {},
): Promise<ForeignServer> {
  const asked = new Map<string, (string | null)[]>();
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://server");
    const page = pages[pathname];
    if (page !== undefined) {
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
      response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(page);
      return;
    }
    const [, kind, number, name] = pathname.split("/");
    if (kind !== "case") return void response.writeHead(404).end();
    const ids = asked.get(pathname) ?? [];
    asked.set(pathname, ids);
    const { answers } = caseOf(Number(number));
    const answer = answers[ids.length];
    const id = request.headers["last-event-id"];
    ids.push(typeof id === "string" ? Buffer.from(id, "latin1").toString() : null);
    if (answer === undefined) response.writeHead(204).end();
    // Chromium makes a request again by itself when a connection that it used before is closed, so that it gets one for each.
    else void give(answer, response, /^(own|ours)/.test(name!));
  });
  // A connection that is used again and closed just then would be another failure than the one that is meant.
  server.keepAliveTimeout = 600_000;
  // All of 127.0.0.0/8 is this machine: a browser opens six connections to each address.
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked: (path) => asked.get(path) ?? [],
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function give(answer: Answer, response: ServerResponse, isLast: boolean): Promise<void> {
  const { status, headers, chunks, ending, gzip } = answer;
  // Not a closed connection: Chromium makes a request again by itself that got nothing at all.
  if (ending === "no answer") return void response.socket?.end("This is no HTTP.\r\n\r\n");
  const all = [...headers.flat(), ...(isLast ? ["connection", "close"] : [])];
  if (gzip) {
    response.writeHead(status, [...all, "content-encoding", "gzip"]);
    return void response.end(gzipSync(Buffer.concat(chunks)));
  }
  response.writeHead(status, all);
  response.flushHeaders();
  for (const chunk of chunks) {
    response.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ending === "end") response.end();
  // Without the end that HTTP has, and behind what was written: a reset might overtake it. Later, since to fetch a body that has
  // failed has no more chunks, though they came; the last event ID is then an older one, and nothing is lost.
  // A browser that is busy takes longer.
  else if (ending === "cut") setTimeout(() => response.socket?.end(), isLast ? 1_000 : 250);
}
