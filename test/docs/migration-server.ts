/**
 * The server that the code of the migration guides talks to: the same script for the old client and the new one, from its start.
 * It also serves a page, for clients that want a browser.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MigrationServer {
  readonly port: number;
  /** Ends it, with whatever is connected. */
  close(): Promise<void>;
}

/** What the code of a page is, at the port that the server got. */
export type PageScript = (port: number) => string;

type Answer = (request: IncomingMessage, response: ServerResponse, visit: number) => unknown;

const TOKEN = "Bearer demo";

/** By path; `visit` counts the requests for it, from 1. */
const SCRIPT: Record<string, Answer> = {
  // Three messages, and it stays open.
  "/news": (_, response) => {
    open(response).write("id: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: three\n\n");
  },

  // Events by name.
  "/prices": (_, response) => {
    open(response).write(
      'event: price\ndata: {"bid":1}\n\nevent: halt\ndata: lunch\n\nevent: price\ndata: {"bid":2}\n\n',
    );
  },

  // For whoever has the token.
  "/private": (request, response) => {
    if (request.headers.authorization !== TOKEN) return refuse(response, 401, "no token");
    open(response).write("data: hello ann\n\n");
  },

  // An answer, a token at a time, with an end.
  "/chat": async (request, response) => {
    if (request.headers.authorization !== TOKEN) return refuse(response, 401, "no token");
    const { q } = JSON.parse(await textOf(request)) as { q: string };
    open(response);
    for (const token of ["to", " be", `: ${q}`]) response.write(`data: ${JSON.stringify({ token })}\n\n`);
    response.end("event: done\ndata: {}\n\n");
  },

  // An answer that is cut off inside its second message, as by a proxy that gives up.
  "/cut": (_, response) => {
    open(response).end('data: {"token":"to"}\n\ndata: {"tok');
  },

  // An answer that takes its time, and is told how often it was asked for.
  "/slow-chat": (_, response, visit) => {
    open(response).write(`data: asked ${visit} time${visit > 1 ? "s" : ""}\n\n`);
  },

  // A server that has just restarted.
  "/deploying": (_, response, visit) => {
    if (visit === 1) return refuse(response, 503, "deploying");
    open(response).write("data: hello\n\n");
  },

  // A numbered stream that breaks after two messages and goes on from the cursor, however that comes.
  "/feed": (request, response) => {
    const query = new URL(request.url ?? "", "http://a").searchParams.get("lastEventId");
    const from = Number(request.headers["last-event-id"] ?? query ?? 0);
    open(response).write(`retry: 1000\nid: ${from + 1}\ndata: message ${from + 1}\n\n`);
    response.write(`id: ${from + 2}\ndata: message ${from + 2}\n\n`);
    if (from < 2) setTimeout(() => response.destroy(), 50);
  },

  // Text whose line breaks matter: an empty line, then another.
  "/lines": (_, response) => {
    open(response).write("data:\ndata: second line\n\n");
  },

  // Two comments for one message, as a heartbeat sends them.
  "/heartbeats": (_, response) => {
    open(response).write(":\n\n: still here\n\ndata: a message\n\n");
  },

  // An id whose message was cut off, and then whatever follows the cursor that comes back.
  "/half": (request, response, visit) => {
    if (visit > 1) {
      open(response).write(
        `data: asked for what follows ${String(request.headers["last-event-id"] ?? "nothing")}\n\n`,
      );
      return;
    }
    open(response).write("retry: 1000\nid: 1\ndata: whole\n\nid: 2\ndata: ha");
    setTimeout(() => response.destroy(), 50);
  },
};

export async function startMigrationServer(page: PageScript = () => ""): Promise<MigrationServer> {
  const visits = new Map<string, number>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://a");
    const { port } = server.address() as AddressInfo;
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" });
      response.end('<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>');
    } else if (pathname === "/page.js") {
      response.writeHead(200, { "content-type": "text/javascript" }).end(page(port));
    } else {
      const visit = (visits.get(pathname) ?? 0) + 1;
      visits.set(pathname, visit);
      void (SCRIPT[pathname] ?? notFound)(request, response, visit);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function open(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
}

function refuse(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain" }).end(body);
}

function notFound(_: IncomingMessage, response: ServerResponse): void {
  refuse(response, 404, "There is no such path in the script");
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
