/**
 * An answer that is not whole, from `resumable` over HTTP to the verdict of `connect`: it failed, was stopped, abandoned, too long, or
 * its server went. Never `"complete"`, whichever way the reader comes, and also when it returns to what has ended.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, type ConnectOptions, type Verdict } from "tidings/client";
import { type AnswersOptions, createAnswers } from "tidings/server";
import { serve } from "../support/serve.ts";

interface Way {
  readonly options?: AnswersOptions;
  /** What ends it, once a reader has its first message. */
  readonly end?: (answers: ReturnType<typeof createAnswers>, release: () => void) => unknown;
}

const ways: Record<string, Way> = {
  "whose generator throws": { end: (_answers, release) => release() },
  "that is stopped": { end: (answers) => answers.stop("a") },
  "that nobody read for a while": { options: { abandonMs: 30 } },
  "that is too long": { options: { messages: 1 } },
  "whose server closes": { end: (answers) => answers.close() },
};

const readers: Record<string, (url: string) => ConnectOptions> = {
  "a GET": () => ({}),
  "a POST with resume": (url) => ({ method: "POST", body: { q: 1 }, resume: () => ({ url }) }),
};

async function start({ options, end }: Way): Promise<string> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const answers = createAnswers({ onError: () => undefined, ...options });
  onTestFinished(() => answers.close());
  async function* generate() {
    yield { data: "half" };
    if (options?.messages === 1) yield { data: "more" };
    await released;
    throw new Error("the model failed");
  }
  return serve((request, response) => {
    void answers.resumable(request, response, "a", generate).catch(() => undefined);
    void (async () => {
      while ((await answers.state("a"))?.messages !== 1) await new Promise((next) => setTimeout(next, 2));
      // A reader has it before it ends.
      setTimeout(() => void end?.(answers, release), 20);
      // Without a reader it is abandoned.
      if (options?.abandonMs !== undefined) setTimeout(() => response.destroy(), 20);
    })();
  });
}

/** @returns What it got, and how it ended. A server that is closed says 503 to who comes again, so that there is an end to trying. */
async function read(url: string, options: ConnectOptions): Promise<readonly [string[], Verdict]> {
  const got: string[] = [];
  const connection = connect(url, {
    until: "end",
    onMessage: ({ event, data }) => void got.push(event === "message" ? data : event),
    onError: () => undefined,
    retry: { baseMs: 100, capMs: 100, attempts: 3 },
    ...options,
  });
  return [got, await connection.ended];
}

describe.each(Object.entries(readers))("%s", (_reader, optionsOf) => {
  test.each(Object.entries(ways))("of an answer %s is not complete", async (_way, way) => {
    const url = await start(way);
    const [got, verdict] = await read(url, optionsOf(url));
    expect(got[0]).toBe("half");
    expect(got).not.toContain("end");
    expect(verdict.reason).toMatch(/^(?:truncated|failed)$/);
    expect(verdict.cause).toBeInstanceOf(Error);
    // Nor is it to who comes when it is over.
    const [, later] = await read(url, optionsOf(url));
    expect(later.reason).toMatch(/^(?:truncated|failed|gave-up)$/);
  });
});

test.each<[string, number]>([
  ["204, which says that there is nothing more", 204],
  ["204 to who returns", 200],
])("a stream that ends with %s before what until names is truncated", async (_how, first) => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    if (asked > 1 || first === 204) response.writeHead(204).end();
    else response.writeHead(200, { "content-type": "text/event-stream" }).end("id: 1\ndata: half\n\n");
  });
  const [got, verdict] = await read(url, {});
  expect(verdict).toMatchObject(
    first === 204
      ? { reason: "gave-up", cause: { code: "status", status: 204 } }
      : { reason: "truncated", cause: { code: "status", status: 204 } },
  );
  expect(got).toEqual(first === 204 ? [] : ["half"]);
});

test("an answer whose process dies is truncated, and one that is whole is complete", async () => {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("id: 1\ndata: half\n\n");
    if (request.url === "/whole") return void response.end("event: end\ndata: {}\n\n");
    setTimeout(() => {
      server.closeAllConnections();
      server.close();
    }, 20);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await read(`${origin}/whole`, {}))[1].reason).toBe("complete");
  const [got, verdict] = await read(`${origin}/`, { method: "POST", body: {} });
  expect([got, verdict.reason]).toEqual([["half"], "truncated"]);
});
