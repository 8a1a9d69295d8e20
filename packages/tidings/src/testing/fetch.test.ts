import { describe, expect, test } from "vitest";
import { connect, type EventStreamError, EventSource } from "../client/index.ts";
import { readMessages } from "../wire/read-messages.ts";
import { createTestClock } from "./clock.ts";
import { createTestFetch } from "./fetch.ts";

const URL = "https://a.example/prices";

async function read(response: Response): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}
const textOf = (chunks: Uint8Array[]) => chunks.map((chunk) => new TextDecoder().decode(chunk));

describe("a script", () => {
  test("answers request after request, and remembers what was asked", async () => {
    const clock = createTestClock({ startMs: 0 });
    const server = createTestFetch({
      clock,
      script: [
        { status: 503, headers: { "Retry-After": "2" }, body: "deploying" },
        {
          body: [
            { id: "好1", data: "one" },
            { comment: "beat" },
            { event: "two", data: { a: 1 }, retry: 5000 },
          ],
        },
        (request) => ({ body: [{ event: "done", data: request.lastEventId }] }),
      ],
    });
    const errors: EventStreamError[] = [];
    const messages: unknown[] = [];
    const connection = connect(URL, {
      clock,
      fetch: server.fetch,
      headers: { authorization: "Bearer x" },
      until: "done",
      onMessage: (message) => void messages.push(message),
      onError: (error) => void errors.push(error),
    });
    expect(await clock.until(connection.ended)).toEqual({ reason: "complete" });
    expect(messages).toEqual([
      { event: "message", data: "one", id: "好1" },
      { event: "two", data: '{"a":1}', id: "好1" },
      { event: "done", data: "好1", id: "好1" },
    ]);
    expect(errors.map(({ code, status, body }) => [code, status, body])).toEqual([
      ["status", 503, "deploying"],
      ["ended", undefined, undefined],
    ]);
    expect(
      server.requests.map(({ method, url, lastEventId, atMs, state }) => [
        method,
        url,
        lastEventId,
        atMs,
        state,
      ]),
    ).toEqual([
      ["GET", URL, undefined, 0, "ended"],
      ["GET", URL, undefined, 2000, "ended"],
      ["GET", URL, "好1", 7000, "ended"],
    ]);
    expect(server.requests[0]!.headers).toMatchObject({
      authorization: "Bearer x",
      accept: "text/event-stream",
    });
    expect([server.connections, clock.timers]).toEqual([0, 0]);
  });

  test("that has ended lets requests wait until it goes on, oldest first", async () => {
    const server = createTestFetch();
    const one = server.fetch(`${URL}?1`, {});
    const two = server.fetch(`${URL}?2`, {});
    expect((await server.nextRequest()).state).toBe("waiting");
    expect(server.connections).toBe(2);
    server.script({ body: "first" }, { status: 404, body: "second" });
    expect(await (await one).text()).toBe("first");
    expect([(await two).status, await (await two).text()]).toEqual([404, "second"]);
    expect(server.connections).toBe(0);
  });

  test("may say the same to whatever comes after it", async () => {
    const server = createTestFetch({ script: [{ body: "once" }], otherwise: ({ url }) => ({ body: url }) });
    const ask = async (url: string) => (await server.fetch(url, {})).text();
    expect([await ask("a:1"), await ask("a:2"), await ask("a:3")]).toEqual(["once", "a:2", "a:3"]);
  });

  test("sends each step as a chunk of its own, or chunks of so many bytes", async () => {
    const server = createTestFetch([
      { body: ["data: 你\n\n", Uint8Array.of(100), { data: "x" }] },
      { body: ["data: 你\n\n"], chunkBytes: 1 },
    ]);
    expect(textOf(await read(await server.fetch(URL, {})))).toEqual(["data: 你\n\n", "d", "data: x\n\n"]);
    const bytes = await read(await server.fetch(URL, {}));
    expect(bytes.map(({ length }) => length)).toEqual(Array.from({ length: 11 }, () => 1));
  });

  test.each([
    [7, [100, 97, 116, 97, 58, 32, 0xe4]],
    [-4, [100, 97, 116, 97, 58, 32, 0xe4]],
    [0, []],
    [11, [...new TextEncoder().encode("data: 你\n\n")]],
  ])(
    "cuts at byte %i, in the middle of a character if it is there, and then the connection breaks",
    async (cutAt, expected) => {
      const server = createTestFetch([{ body: ["data: ", "你\n\n"], cutAt }]);
      const response = await server.fetch(URL, {});
      const reader = response.body!.getReader();
      const bytes: number[] = [];
      await expect(
        (async () => {
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            bytes.push(...value);
          }
        })(),
      ).rejects.toThrow("terminated");
      expect(bytes).toEqual(expected);
      expect(server.requests[0]!.state).toBe("cut");
    },
  );

  test("waits by the clock that it is given, and no longer than the client stays", async () => {
    const clock = createTestClock({ startMs: 0 });
    const answer = {
      body: ["a", { waitMs: 1000 }, "b", { atMs: 1500 }, "c", { atMs: 1200 }, "d"],
      then: "stay",
    } as const;
    const server = createTestFetch({ clock, script: [answer, answer] });
    const times: [string, number][] = [];
    const reader = (await server.fetch(URL, {})).body!.getReader();
    const reading = (async () => {
      for (let time = 0; time < 4; time++) {
        const { value } = await reader.read();
        times.push([new TextDecoder().decode(value), clock.nowMs()]);
      }
    })();
    await clock.until(reading);
    expect(times).toEqual([
      ["a", 0],
      ["b", 1000],
      ["c", 1500],
      ["d", 1500],
    ]);
    expect(server.requests[0]!.state).toBe("open");
    const other = await server.fetch(URL, {});
    await clock.settle();
    expect(clock.timers).toBe(1);
    await other.body!.cancel();
    await clock.settle();
    expect([clock.timers, server.requests[1]!.state]).toEqual([0, "left"]);
  });

  test("may refuse, and break a request that waits", async () => {
    const server = createTestFetch(["refuse"]);
    await expect(server.fetch(URL, {})).rejects.toThrow("fetch failed");
    const waiting = server.fetch(URL, {});
    await server.nextRequest();
    (await server.nextRequest()).cut();
    await expect(waiting).rejects.toThrow("fetch failed");
  });

  test("that makes no sense is an error that says so, to the client and to the test", async () => {
    const server = createTestFetch();
    const response = server.fetch(URL, {});
    const request = await server.nextRequest();
    await expect(request.answer("refuese" as "refuse")).rejects.toThrow(
      'Cannot answer: the answer is "refuese"',
    );
    await expect(request.answer({ then: "close" as "cut" })).rejects.toThrow(
      'then is "close", expected "end", "cut" or "stay"',
    );
    await expect(request.answer({ body: "abc", cutAt: 4 })).rejects.toThrow(
      "cutAt is 4, expected a whole number from -3 to 3, as many bytes as the body has",
    );
    await expect(request.answer({ chunkBytes: 0 })).rejects.toThrow("chunkBytes is 0");
    await expect(request.answer({ body: [7 as unknown as string] })).rejects.toThrow("Cannot send 7");
    await expect(request.send({ event: "", data: "1" })).rejects.toThrow("Cannot encode message");
    await request.answer({ status: 418, body: "at last" });
    expect((await response).status).toBe(418);
    await expect(request.answer({})).rejects.toThrow("it was answered already");
  });
});

describe("a request", () => {
  test("is answered by hand, piece by piece", async () => {
    const server = createTestFetch();
    const messages: string[] = [];
    const response = server.fetch(URL, { method: "POST", body: '{"q":"你好"}' });
    const request = await server.nextRequest();
    expect([request.method, request.body, request.state]).toEqual(["POST", '{"q":"你好"}', "waiting"]);
    const reading = (async () => {
      for await (const { data } of readMessages(await response)) messages.push(data);
    })();
    await request.send({ data: "1" });
    await request.comment("still here");
    await request.write("data: ");
    await request.write(new TextEncoder().encode("2\n\n"));
    expect(request.state).toBe("open");
    request.end();
    await Promise.all([reading, request.closed]);
    expect([messages, request.state]).toEqual([["1", "2"], "ended"]);
    await request.send({ data: "3" });
    expect(messages).toEqual(["1", "2"]);
  });

  test("stalls while nobody reads, and goes on when somebody does", async () => {
    const server = createTestFetch();
    const response = server.fetch(URL, {});
    const request = await server.nextRequest();
    await request.write("x".repeat(60_000));
    expect(request.isStalled).toBe(false);
    const stalled = request.write("y".repeat(60_000));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(request.isStalled).toBe(true);
    await (await response).body!.getReader().read();
    await stalled;
    expect(request.isStalled).toBe(false);
  });

  test("knows when its client has left: by the signal, by cancel(), by close()", async () => {
    const server = createTestFetch({ otherwise: { body: [{ data: "1" }], then: "stay" } });
    const controller = new AbortController();
    const response = await server.fetch(URL, { signal: controller.signal });
    const reading = response.text();
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    await expect(server.fetch(URL, { signal: controller.signal })).rejects.toThrow("enough");
    await (await server.fetch(URL, {})).body!.cancel();
    const connection = connect(URL, { fetch: server.fetch });
    for await (const { data } of connection) if (data === "1") break;
    const requests = [await server.nextRequest(), await server.nextRequest(), await server.nextRequest()];
    await Promise.all(requests.map(({ closed }) => closed));
    expect(requests.map(({ state }) => state)).toEqual(["left", "left", "left"]);
    expect(server.connections).toBe(0);
  });

  test("that does not come is missed by name", async () => {
    const server = createTestFetch([{}]);
    await server.fetch(URL, {});
    await server.nextRequest();
    await expect(server.nextRequest({ withinMs: 10 })).rejects.toThrow(
      "Cannot see the next request: none came within 10 ms; 1 came before",
    );
    const next = server.nextRequest();
    void server.fetch(URL, {});
    expect((await next).url).toBe(URL);
  });
});

describe("its fetch", () => {
  test("follows redirects as fetch does", async () => {
    const moved = (status: number, location: string) => ({ status, headers: { location }, body: "moved" });
    const server = createTestFetch([
      moved(302, "/there"),
      { body: "here" },
      moved(307, "b"),
      { body: "same" },
      moved(301, "c"),
    ]);
    const post = { method: "POST", body: "q" };
    const response = await server.fetch(URL, post);
    expect([response.url, response.redirected, await response.text()]).toEqual([
      "https://a.example/there",
      true,
      "here",
    ]);
    await server.fetch(URL, post);
    expect((await server.fetch(URL, { redirect: "manual" })).status).toBe(301);
    expect(server.requests.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", URL, "q"],
      ["GET", "https://a.example/there", ""],
      ["POST", URL, "q"],
      ["POST", "https://a.example/b", "q"],
      ["GET", URL, ""],
    ]);
    server.script(moved(302, "d"));
    await expect(server.fetch(URL, { redirect: "error" })).rejects.toThrow("fetch failed");
  });

  test("knows what has no body", async () => {
    const server = createTestFetch([{ status: 204 }]);
    const response = await server.fetch(URL, {});
    expect([response.status, response.body, response.headers.get("content-type")]).toEqual([204, null, null]);
  });

  test("does for the standard's EventSource", async () => {
    const server = createTestFetch([{ body: [{ event: "price", data: "1", id: "7" }], then: "stay" }]);
    const source = new EventSource(URL, { fetch: server.fetch });
    const event = await new Promise<MessageEvent>((resolve) => source.addEventListener("price", resolve));
    expect([event.data, event.lastEventId, event.origin]).toEqual(["1", "7", "https://a.example"]);
    source.close();
  });
});
