/**
 * A client in front of a proxy that notes when each message arrived and how the response ended. Plain node:http, node:https or
 * node:http2, so that what it sees is what came, with nothing of ours between but the parser.
 */
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
import { createParser } from "../packages/tidings/src/index.ts";

export type Protocol = "HTTP/1.1" | "HTTP/1.1 over TLS" | "HTTP/2 over TLS";
export const protocols: readonly Protocol[] = ["HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2 over TLS"];

export interface ReaderResponse {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Reader {
  /** The response, as soon as its headers are here. */
  readonly response: Promise<ReaderResponse>;
  /** When each message arrived, by its `id`, on the clock of `performance.now()`. */
  readonly arrivedAt: ReadonlyMap<string, number>;
  /** Waits for the message with this `id`. @returns When it arrived. */
  arrival(id: string): Promise<number>;
  /** How the response ended: "complete" as HTTP ends one, "cut" with the connection. */
  readonly ended: Promise<"complete" | "cut">;
  /** Stops reading without leaving: what comes stays in the sockets, until those are full. */
  pause(): Promise<void>;
  leave(): void;
}

export interface ReaderOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Default: HTTP/1.1, over TLS where the URL says https. */
  protocol?: Protocol;
}

/** A response on its way, whatever it came with. */
interface Incoming extends ReaderResponse {
  readonly body: Readable;
  /** Asked once the body has closed. */
  readonly isComplete: () => boolean;
}

export function openReader(url: string, options: ReaderOptions = {}): Reader {
  const arrivedAt = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const parser = createParser({
    onMessage({ id }) {
      const at = performance.now();
      arrivedAt.set(id, at);
      waiting.get(id)?.(at);
    },
  });
  const { incoming, leave } =
    options.protocol === "HTTP/2 over TLS" ? overHttp2(url, options) : overHttp1(url, options);
  const ended = incoming.then(
    ({ body, headers, isComplete }) =>
      new Promise<"complete" | "cut">((resolve) => {
        const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
        const text = headers["content-encoding"] === "gzip" ? body.pipe(gunzip) : body;
        text.on("data", (chunk: Buffer) => parser.push(chunk));
        body.on("error", () => undefined);
        body.on("close", () => {
          if (!isComplete()) resolve("cut");
          else if (text.readableEnded) resolve("complete");
          else text.once("end", () => resolve("complete"));
        });
      }),
  );
  // Those who wait for it see the failure; it is not unhandled where no one does.
  ended.catch(() => undefined);
  return {
    response: incoming,
    arrivedAt,
    ended,
    arrival(id) {
      const at = arrivedAt.get(id);
      return at === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(at);
    },
    pause: async () => void (await incoming).body.pause(),
    leave,
  };
}

function overHttp1(url: string, { method = "GET", headers = {}, body }: ReaderOptions) {
  const { request } = url.startsWith("https:") ? https : http;
  const outgoing = request(url, {
    method,
    headers,
    agent: false,
    rejectUnauthorized: false,
  } as https.RequestOptions);
  const incoming = new Promise<Incoming>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (response) =>
      resolve({
        status: response.statusCode,
        headers: response.headers,
        body: response,
        isComplete: () => response.complete,
      }),
    );
  });
  outgoing.end(body);
  return { incoming, leave: () => void outgoing.destroy() };
}

function overHttp2(url: string, { method = "GET", headers = {}, body }: ReaderOptions) {
  const session = http2.connect(url, { rejectUnauthorized: false });
  const { pathname, search } = new URL(url);
  const stream = session.request(
    { ...headers, ":method": method, ":path": pathname + search },
    { endStream: false },
  );
  const incoming = new Promise<Incoming>((resolve, reject) => {
    stream.once("error", reject);
    session.once("error", reject);
    stream.once("response", ({ ":status": status, ...headers }) =>
      resolve({
        status,
        headers,
        body: stream,
        isComplete: () => stream.rstCode === http2.constants.NGHTTP2_NO_ERROR && stream.readableEnded,
      }),
    );
  });
  stream.once("close", () => session.close());
  stream.end(body);
  return { incoming, leave: () => session.destroy() };
}
