/**
 * Something for the doctor to examine: a server, good or broken, and what it should be told of it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { diagnose } from "../../../packages/tidings/src/cli/doctor/diagnose.ts";
import type { Evidence } from "../../../packages/tidings/src/cli/doctor/evidence.ts";
import {
  examinePath,
  type PathOptions,
} from "../../../packages/tidings/src/cli/doctor/examine/examine-path.ts";
import {
  examineStream,
  type StreamOptions,
} from "../../../packages/tidings/src/cli/doctor/examine/examine-stream.ts";
import type { Finding } from "../../../packages/tidings/src/cli/doctor/finding.ts";
import { type ProfileName, profiles } from "../../../packages/tidings/src/cli/doctor/profiles.ts";
import type { Target } from "../../../packages/tidings/src/cli/doctor/examine/requests.ts";
import { doctorEndpoint } from "../../../packages/tidings/src/server/doctor/doctor-endpoint.ts";

export interface Started {
  readonly url: string;
  stop(this: void): Promise<void>;
}

export interface Setup {
  readonly name: string;
  /** The ids of what must be found, and of nothing else. */
  readonly finds: readonly string[];
  start(this: void): Promise<Started>;
  /** What differs from a plain look at a stream. */
  readonly target?: Partial<Target>;
  readonly stream?: Partial<StreamOptions>;
  readonly profile?: ProfileName;
  /** With these, the URL is a doctor endpoint. */
  readonly path?: Partial<PathOptions>;
}

export const TOKEN = "a token that nobody guesses";

export async function examine({
  start,
  target: changes,
  stream,
  profile,
  path,
}: Setup): Promise<{ evidence: Evidence; findings: Finding[] }> {
  const { url, stop } = await start();
  const target: Target = {
    url,
    method: "GET",
    headers: {},
    body: undefined,
    insecure: true,
    protocol: "auto",
    signal: new AbortController().signal,
    ...changes,
  };
  try {
    const evidence =
      path === undefined
        ? await examineStream(target, profiles[profile ?? "sse"], {
            watchMs: 4000,
            longMs: undefined,
            origin: undefined,
            streams: undefined,
            ...stream,
          })
        : await examinePath(target, { token: TOKEN, bare: false, longMs: undefined, flood: false, ...path });
    return { evidence, findings: diagnose(evidence) };
  } finally {
    await stop();
  }
}

/** A node:http server on a free port. */
export async function serve(listener: RequestListener): Promise<Started> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server with nothing but a doctor endpoint, as an application has one. */
export function serveEndpoint(
  wrap: (request: IncomingMessage, response: ServerResponse, next: () => void) => void = (_1, _2, next) =>
    next(),
): Promise<Started> {
  const endpoint = doctorEndpoint({ token: TOKEN, allowFlood: true });
  return serve((request, response) => wrap(request, response, () => endpoint.handle(request, response)));
}

export const GOOD_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** Writes a message every `everyMs`, as a hub does: with ids, from the one after Last-Event-ID. */
export function ticking(
  request: IncomingMessage,
  response: ServerResponse,
  {
    everyMs = 300,
    head = GOOD_HEADERS,
    write = (text: string): void => void response.write(text),
    messageOf = (n: number) => `id: ${n}\ndata: {"n":${n}}\n\n`,
    resumes = true,
  } = {},
): () => void {
  response.writeHead(200, head);
  response.flushHeaders();
  write(": \n\n");
  let n = resumes ? Number(request.headers["last-event-id"] ?? 0) : 0;
  const timer = setInterval(() => write(messageOf(++n)), everyMs);
  const stop = (): void => clearInterval(timer);
  response.on("close", stop);
  return stop;
}
