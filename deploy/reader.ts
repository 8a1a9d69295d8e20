/**
 * A client in front of a proxy that notes when each message arrived and how the response ended.
 * Plain node:http, so that what it sees is what came, with nothing of ours between but the parser.
 */
import { type IncomingMessage, request } from "node:http";
import { constants, createGunzip } from "node:zlib";
import { createParser } from "../packages/tidings/src/index.ts";

export interface Reader {
  /** The response, as soon as its headers are here. */
  readonly response: Promise<IncomingMessage>;
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

export function openReader(
  url: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Reader {
  const arrivedAt = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const parser = createParser({
    onMessage({ id }) {
      const at = performance.now();
      arrivedAt.set(id, at);
      waiting.get(id)?.(at);
    },
  });
  const outgoing = request(url, { method, headers, agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  const ended = response.then(
    (incoming) =>
      new Promise<"complete" | "cut">((resolve) => {
        const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
        const text = incoming.headers["content-encoding"] === "gzip" ? incoming.pipe(gunzip) : incoming;
        text.on("data", (chunk: Buffer) => parser.push(chunk));
        incoming.on("error", () => undefined);
        incoming.on("close", () => {
          if (!incoming.complete) resolve("cut");
          else if (text.readableEnded) resolve("complete");
          else text.once("end", () => resolve("complete"));
        });
      }),
  );
  // Whoever waits for the response or its end sees the failure; nobody has to.
  ended.catch(() => undefined);
  outgoing.end(body);
  return {
    response,
    arrivedAt,
    ended,
    arrival(id) {
      const at = arrivedAt.get(id);
      return at === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(at);
    },
    pause: async () => void (await response).pause(),
    leave: () => void outgoing.destroy(),
  };
}
