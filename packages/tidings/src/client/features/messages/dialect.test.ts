import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { aiSdk, agUi, openai, tidings, type Dialect } from "../../../dialects/index.ts";
import { connect } from "../../connect.ts";
import { connect as connectCore, dialect as withDialect, retry as withRetry } from "../../core/index.ts";

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Serves a text, and 204 to whoever returns. */
async function serve(text: string): Promise<string> {
  let served = 0;
  const server = createServer((_request, response) => {
    served += 1;
    if (served > 1) return void response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const retry = { baseMs: 100, capMs: 100 };

describe("connect() with a dialect", () => {
  it.each<[string, Dialect<never>, string]>([
    ["our own", tidings(), 'data: 1\n\nevent: end\ndata: {"complete":true}\n\n'],
    ["the AI SDK's", aiSdk(), 'data: {"type":"start"}\n\ndata: [DONE]\n\n'],
    ["OpenAI's", openai(), 'data: {"choices":[]}\n\ndata: [DONE]\n\n'],
    ["AG-UI's", agUi(), 'data: {"type":"RUN_STARTED"}\n\ndata: {"type":"RUN_FINISHED"}\n\n'],
  ])("is complete with the end that %s says, and JSON or not", async (_name, dialect, text) => {
    for (const options of [{}, { json: true as const, invalid: "throw" as const }]) {
      const connection = connect(await serve(text), { dialect, retry, method: "POST", ...options });
      const seen: unknown[] = [];
      for await (const message of connection) seen.push(message.data);
      expect((await connection.ended).reason).toBe("complete");
      expect(seen.length).toBeGreaterThan(0);
    }
  });

  it.each<[string, Dialect<never>, string, object]>([
    ["our own", tidings(), 'event: failed\ndata: {"reason":"lost"}\n\n', { reason: "lost", message: "lost" }],
    [
      "the AI SDK's",
      aiSdk(),
      'data: {"type":"error","errorText":"no money"}\n\ndata: [DONE]\n\n',
      { reason: "failed", message: "no money" },
    ],
    [
      "OpenAI's",
      openai(),
      'data: {"error":{"message":"no money","code":"quota"}}\n\n',
      { reason: "quota", message: "no money" },
    ],
  ])("is failed with the failure that %s says", async (_name, dialect, text, failed) => {
    const { cause, reason } = await connect(await serve(`data: {"n":1}\n\n${text}`), {
      dialect,
      retry,
      onMessage: () => undefined,
    }).ended;
    expect([reason, cause]).toMatchObject(["failed", { code: "failed", cause: failed }]);
    expect((cause as Error).message).toContain((failed as { message: string }).message);
  });

  it.each(["POST", "GET"])("is not complete without an end, to %s", async (method) => {
    const url = await serve('data: {"choices":[]}\n\n');
    const options = { method, onMessage: () => undefined };
    expect((await connect(url, { ...options, retry, dialect: openai() }).ended).reason).toBe("truncated");
    const again = await serve('data: {"choices":[]}\n\n');
    const core = connectCore(again, { ...options, use: [withRetry(retry), withDialect(openai())] });
    expect((await core.ended).reason).toBe("truncated");
  });
});
