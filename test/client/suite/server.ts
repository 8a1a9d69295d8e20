/**
 * The server of the suite: one process that answers as each case has scripted it, and serves browsers the suite itself.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createTestHandler, type TestHandler } from "tidings/test/server";
import type { Step } from "tidings/test";
import type { JsonStep, ScriptedAnswer, Seen } from "./world.ts";

export interface SuiteServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** @param scripts - JavaScript by its path, for browsers. */
export async function startSuiteServer(scripts: Readonly<Record<string, string>> = {}): Promise<SuiteServer> {
  const streams = new Map<string, TestHandler>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://server");
    const [, kind, key = ""] = pathname.split("/");
    const script = scripts[pathname];
    if (script !== undefined) {
      response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
    } else if (kind === "streams" && streams.has(key)) streams.get(key)!(request, response);
    else if (kind === "control" && request.method === "POST") {
      void textOf(request).then((text) => {
        streams.set(key, createTestHandler((JSON.parse(text) as ScriptedAnswer[]).map(answerOf)));
        response.writeHead(200).end();
      });
    } else if (kind === "control" && request.method === "DELETE") {
      for (const open of streams.get(key)?.requests ?? []) if (open.state === "open") open.cut();
      response.writeHead(200).end();
    } else if (kind === "control") {
      const seen = streams
        .get(key)
        ?.requests.map(({ method, url, headers, body, lastEventId, atMs, state, isStalled }): Seen => ({
          method,
          url,
          headers,
          body,
          ...(lastEventId !== undefined && { lastEventId }),
          atMs,
          state,
          isStalled,
        }));
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(seen));
    } else {
      response.writeHead(pathname === "/" ? 200 : 404, { "content-type": "text/html" });
      response.end("<!doctype html><meta charset=utf-8><title>Suite</title><script src=/page.js></script>");
    }
  });
  // On a busy machine a case may stand still for longer than the usual 5 s, and a connection that is closed meanwhile fails.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answerOf(answer: ScriptedAnswer) {
  if (answer === "refuse") return answer;
  const { body, ...rest } = answer;
  if (body === undefined || typeof body === "string") return { ...rest, ...(body !== undefined && { body }) };
  return { ...rest, body: body.flatMap(stepsOf) };
}

function stepsOf(step: JsonStep): Step | Step[] {
  if (typeof step === "string") return step;
  if ("bytes" in step) return Uint8Array.from(step.bytes);
  if (!("repeat" in step)) return step;
  // The same bytes each time: making them would hold up everybody else's answers.
  const bytes = Buffer.from(step.text);
  return Array.from({ length: step.repeat }, () => bytes);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
