/**
 * What a redirect to another origin is sent: by the platforms' fetch, which `connect` and `EventSource` use, whatever they are asked for.
 * What docs/requests.md says of it.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect, EventSource } from "tidings/client";
import { engines } from "../browsers/index.ts";

const CLIENT = join(dirname(fileURLToPath(import.meta.url)), "../../packages/tidings/dist/client/index.js");
const SECRETS = { authorization: "Bearer secret", "x-api-key": "secret" };

/** What the other origin got. */
let got: Record<string, string | undefined>[] = [];
let script: string;
let other: Server;
let own: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const start = async (listener: RequestListener) => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, resolve));
  return server;
};

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [CLIENT],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "tidings",
    conditions: ["browser"],
  });
  script = outputFiles[0]!.text;
  other = await start((request, response) => {
    const cors = { "access-control-allow-origin": "*", "access-control-allow-methods": "*" };
    const allowed = { "access-control-allow-headers": "authorization, x-api-key, last-event-id" };
    if (request.method === "OPTIONS") return void response.writeHead(204, { ...cors, ...allowed }).end();
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { authorization, "x-api-key": key, "last-event-id": id } = request.headers;
      got.push({ authorization, key: key as string, id: id as string, body });
      response
        .writeHead(200, { ...cors, "content-type": "text/event-stream" })
        .end("event: end\ndata: 1\n\n");
    });
  });
  own = await start((request, response) => {
    if (request.url === "/")
      return void response.setHeader("content-type", "text/html").end(`<script>${script}</script>`);
    if (request.url !== "/stream") return void response.writeHead(404).end();
    response.writeHead(307, { location: `http://localhost:${portOf(other)}/` }).end();
  });
});
afterAll(() => {
  for (const server of [own, other]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => void (got = []));

const leaked = [
  { authorization: undefined, key: "secret", id: "7", body: "" },
  { authorization: undefined, key: "secret", id: undefined, body: "secret" },
];

describe("in Node", () => {
  const url = () => `http://127.0.0.1:${portOf(own)}/stream`;

  test("custom headers, the cursor and a body follow, Authorization does not", async () => {
    for (const way of [{ lastEventId: "7" }, { method: "POST", body: "secret" }])
      await connect(url(), { headers: SECRETS, until: "end", onMessage() {}, ...way }).ended;
    expect(got).toEqual(leaked);
  });

  test('nothing does with redirect: "manual", which ends the connection', async () => {
    const init = { redirect: "manual" } as const;
    const verdict = await connect(url(), { headers: SECRETS, init, onError() {} }).ended;
    expect(verdict).toMatchObject({ reason: "gave-up", cause: { code: "status", status: 307 } });
    const source = new EventSource(url(), {
      headers: SECRETS,
      fetch: (address, given) => fetch(address, { ...given, ...init }),
    });
    const { error } = await new Promise<{ error?: unknown }>((resolve) => (source.onerror = resolve));
    expect(error).toMatchObject({ code: "status", status: 307 });
    expect([source.readyState, got]).toEqual([2, []]);
  });
});

describe.each(engines)("in $engine", ({ start }) => {
  test("it is as in Node, once the other origin allows it", { timeout: 60_000 }, async () => {
    const browser = await start();
    try {
      await browser.open(`http://127.0.0.1:${portOf(own)}/`);
      const verdicts = await browser.evaluate(
        async (headers) => {
          const { connect } = (globalThis as unknown as { tidings: typeof import("tidings/client") }).tidings;
          const ways = [
            { lastEventId: "7" },
            { method: "POST", body: "secret" },
            { init: { redirect: "manual" as const } },
          ];
          const verdicts: string[] = [];
          for (const way of ways) {
            const options = { headers, until: "end", onMessage() {}, onError() {}, ...way };
            const { reason, cause } = await connect("/stream", options).ended;
            verdicts.push(`${reason} ${(cause as { status?: number } | undefined)?.status}`);
          }
          return verdicts;
        },
        { ...SECRETS },
      );
      expect(verdicts).toEqual(["complete undefined", "complete undefined", "gave-up 0"]);
      expect(got).toEqual(leaked);
    } finally {
      await browser.close();
    }
  });
});
