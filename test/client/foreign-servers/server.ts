/**
 * Serves the cases: `/case/17/ours` is case 17 for a client called "ours", which is answered by its attempts. And notes what each attempt
 * asked for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { type Answer, caseOf, isDenied, type Redirect } from "./cases.ts";

export interface ForeignServer {
  readonly port: number;
  /** The `Last-Event-ID` of each attempt at a case, `null` for none; and once more where a redirect led it. */
  asked(path: string): readonly (string | null)[];
  /** What was asked for though no redirect led there just then. */
  readonly straight: readonly string[];
  close(): Promise<void>;
}

/** @param pages - What else is served, by path. */
export async function startForeignServer(
  pages: Readonly<Record<string, string>> = {},
): Promise<ForeignServer> {
  const asked = new Map<string, (string | null)[]>();
  const attempts = new Map<string, number>();
  const straight: string[] = [];
  /** Where a redirect has led, and no request came yet. */
  const expected = new Set<string>();
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://server");
    const page = pages[pathname];
    if (page !== undefined) {
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
      response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(page);
      return;
    }
    const [, kind, number, name, its, step] = pathname.split("/");
    if (kind !== "case") return void response.writeHead(404).end();
    const path = `/case/${number}/${name}`;
    const attempt = its === undefined ? (attempts.get(path) ?? 0) : Number(its);
    if (its === undefined) attempts.set(path, attempt + 1);
    const answer = caseOf(Number(number)).answers[attempt];
    const redirects = Number(step ?? 0);
    const cors = corsOf(request, answer?.redirect);
    if (request.method === "OPTIONS") return void response.writeHead(204, cors).end();
    if (step !== undefined && !expected.delete(pathname)) {
      straight.push(pathname);
      // Chromium asks again where it was led to before, ours where it was told to: from here on both are at the same place.
      const location = `http://${request.headers.host!.replace(/^127\.0\.2/, "127.0.1")}${path}`;
      return void response.writeHead(307, { ...cors, location, connection: "close" }).end();
    }
    const isLast = /^(own|ours)/.test(name!);
    if (answer?.redirect !== undefined && redirects < answer.redirect.count) {
      if (step === undefined) note();
      const next = `${path}/${attempt}/${answer.redirect.to === "itself" ? 0 : redirects + 1}`;
      expected.add(next);
      const location = locationOf(request, answer.redirect, next, redirects);
      response.writeHead(answer.redirect.status, {
        ...cors,
        ...(location !== undefined && { location }),
        ...(isLast && { connection: "close" }),
      });
      return void response.end("Moved");
    }
    if (step === undefined || !isDenied(answer!, false)) note();
    function note(): void {
      const id = request.headers["last-event-id"];
      const ids = asked.get(path) ?? [];
      asked.set(path, ids);
      ids.push(typeof id === "string" ? Buffer.from(id, "latin1").toString() : null);
    }
    if (answer === undefined) response.writeHead(204, cors).end();
    // Chromium makes a request again by itself when a connection that it used before is closed, so that it gets one for each.
    else void give({ ...answer, headers: [...Object.entries(cors), ...answer.headers] }, response, isLast);
  });
  // A connection that is used again and closed just then would be another failure than the one that is meant.
  server.keepAliveTimeout = 600_000;
  // All of 127.0.0.0/8 is this machine: a browser opens six connections to each address.
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    straight,
    asked: (path) => asked.get(path) ?? [],
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** @returns The `Location` of the redirect that follows `before` others. */
function locationOf(
  request: IncomingMessage,
  { to, count, absolute }: Redirect,
  next: string,
  before: number,
): string | undefined {
  if (to === "nowhere") return undefined;
  if (to === "no URL") return "http://[";
  if (to === "no HTTP") return "data:text/event-stream,data:x%0A%0A";
  const isBack = to === "another origin and back" && before + 1 === count && count > 1;
  if (to === "here" || to === "itself" || (before > 0 && !isBack))
    return absolute ? `http://${request.headers.host}${next}` : next;
  return `http://${request.headers.host!.replace(/^127\.0\.\d+/, isBack ? "127.0.1" : "127.0.2")}${next}`;
}

/** What another origin says of who may read it. The page's own says that too, for what comes back to it. */
function corsOf({ headers }: IncomingMessage, redirect: Redirect | undefined): Record<string, string> {
  const cors = headers.host!.startsWith("127.0.2.") ? redirect!.cors : "credentials";
  if (cors === "none") return {};
  return {
    "access-control-allow-origin": cors === "*" ? "*" : (headers.origin ?? "*"),
    ...(cors === "credentials" && { "access-control-allow-credentials": "true" }),
    "access-control-allow-headers": headers["access-control-request-headers"] ?? "",
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
