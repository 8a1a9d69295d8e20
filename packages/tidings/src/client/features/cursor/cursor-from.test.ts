import { describe, expect, test, vi } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../../connect.ts";
import { connect as connectCore } from "../../core/connect.ts";
import { json } from "../messages/json.ts";
import { cursorFrom } from "./cursor-from.ts";

function open(options: ConnectOptions = {}) {
  const world = createWorld();
  const ids: string[] = [];
  const connection = connect("https://a.example/v1/responses", {
    transport: world.transport,
    clock: world.clock,
    cursorFrom: "sequence_number",
    onMessage: (message) => void ids.push(message.id),
    ...options,
  });
  return { world, connection, ids };
}

const numbered = (n: number): string => `data: {"sequence_number":${n}}\n\n`;

describe("cursorFrom", () => {
  test("takes OpenAI's sequence_number, and returns to a response as its API says", async () => {
    let id = "";
    const { world, connection, ids } = open({
      method: "POST",
      body: { background: true, stream: true },
      resume: () => ({ url: `https://a.example/v1/responses/${id}?stream=true` }),
      cursorVia: { query: "starting_after" },
      until: "response.completed",
    });
    connection.on("response.created", ({ data }) => {
      ({ id } = (JSON.parse(data) as { response: { id: string } }).response);
    });
    world.last.respond();
    void world.last.send(
      'event: response.created\ndata: {"sequence_number":0,"response":{"id":"resp_1"}}\n\n' + numbered(1),
    );
    await world.settle();
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request).toEqual({
      method: "GET",
      url: "https://a.example/v1/responses/resp_1?stream=true&starting_after=1",
      headers: { accept: "text/event-stream" },
      body: undefined,
    });
    world.last.respond();
    void world.last.send(numbered(2) + 'event: response.completed\ndata: {"sequence_number":3}\n\n');
    expect(await connection.ended).toEqual({ reason: "complete" });
    expect(ids).toEqual(["0", "1", "2", "3"]);
    expect(connection.lastEventId).toBe("3");
  });

  test.each(["a\\u0000", "a\\r\\nx-a: 1", "\\u001b[2J", "\\u007f"])(
    "keeps the cursor before one that no request can carry: %s",
    async (found) => {
      const { world, connection } = open();
      world.last.respond();
      void world.last.send(`${numbered(7)}data: {"sequence_number":"${found}"}\n\n`);
      await world.settle();
      expect(connection.lastEventId).toBe("7");
    },
  );

  test("half a character is sent as the replacement character, whichever way", async () => {
    const { world } = open({ cursorVia: { query: "after" } });
    world.last.respond();
    void world.last.send('data: {"sequence_number":"a\\ud800b"}\n\n');
    await world.settle();
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request.url).toBe("https://a.example/v1/responses?after=a%EF%BF%BDb");
  });

  test("takes Gemini's event_id, and a server can get it in the body", async () => {
    const { world } = open({
      method: "POST",
      retry: { replay: true },
      body: { input: "?" },
      cursorFrom: "event_id",
      cursorVia: (request, last_event_id) => {
        request.body = JSON.stringify({ ...JSON.parse(request.body as string), last_event_id });
      },
    });
    world.last.respond();
    void world.last.send('data: {"event_id":"evt_7"}\n\n');
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request).toMatchObject({
      headers: { accept: "text/event-stream", "content-type": "application/json" },
      body: '{"input":"?","last_event_id":"evt_7"}',
    });
  });

  test("is what a function returns, sent as the header", async () => {
    const { world, ids } = open({ cursorFrom: ({ data }) => data.split(" ")[1] });
    world.last.respond();
    void world.last.send("data: a 5\n\ndata: b\n\ndata: c 6\n\n");
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request.headers["last-event-id"]).toBe("6");
    expect(ids).toEqual(["5", "5", "6"]);
  });

  test("asks from what has come, though it waits for its handler, so that nothing comes twice", async () => {
    const handled: string[] = [];
    let go!: () => void;
    const first = new Promise<void>((resolve) => (go = resolve));
    const stored: string[] = [];
    const { world, connection } = open({
      cursor: { get: () => "", set: (id) => stored.push(id) },
      onMessage: async ({ id }) => {
        await first;
        handled.push(id);
      },
    });
    await world.settle();
    world.last.respond();
    void world.last.send(numbered(1) + numbered(2) + numbered(3));
    connection.reconnect();
    await world.settle();
    expect(world.last.request.headers["last-event-id"]).toBe("3");
    expect([handled, stored]).toEqual([[], []]);
    go();
    await world.settle();
    expect([handled, stored]).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
    ]);
  });

  test("leaves the reader's place, not what still waits for it, to the next connection", async () => {
    const { world, connection } = open({ onMessage: () => new Promise(() => undefined) });
    world.last.respond();
    void world.last.send(numbered(1) + numbered(2));
    connection.close();
    expect(connection.lastEventId).toBe("1");
  });

  test("begins where it is asked to", () => {
    const { world } = open({ lastEventId: "41", cursorVia: { query: "starting_after" } });
    expect(world.last.request.url).toBe("https://a.example/v1/responses?starting_after=41");
  });

  test.each([
    ["[DONE]", "7"],
    ["null", "7"],
    ["12", "7"],
    ['{"sequence_number":null}', "7"],
    ['{"sequence_number":true}', "7"],
    ['{"sequence_number":{}}', "7"],
    ['{"sequence_number":""}', "7"],
    [String.raw`{"sequence_number":"a\nb"}`, "7"],
    [String.raw`{"sequence_number":"a\u0000"}`, "7"],
    ['{"sequence_number":0}', "0"],
    ['{"sequence_number":"é"}', "é"],
  ])("of data %s is the one before it, unless there is one", async (data, expected) => {
    const { world, connection, ids } = open();
    world.last.respond();
    void world.last.send(`${numbered(7)}data: ${data}\n\n`);
    await world.settle();
    expect(ids).toEqual(["7", expected]);
    expect(connection.lastEventId).toBe(expected);
    connection.close();
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("the application's mistake");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the application's mistake"))],
  ])("that %s is reported, and the stream goes on with its own id", async (_how, mistaken) => {
    const uncaught = vi.fn();
    vi.stubGlobal("reportError", uncaught);
    const { world, ids } = open({ cursorFrom: mistaken as never });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\n");
    await world.settle();
    vi.unstubAllGlobals();
    expect(ids).toEqual(["1"]);
    expect(uncaught).toHaveBeenCalledExactlyOnceWith(new Error("the application's mistake"));
  });

  test("is a feature too, beside json", async () => {
    const world = createWorld();
    const seen: unknown[] = [];
    connectCore("https://a.example/", {
      transport: world.transport,
      clock: world.clock,
      use: [cursorFrom("event_id"), json<{ message: { event_id: number } }>()],
      onMessage: ({ id, data }) => void seen.push([id, data.event_id]),
    });
    world.last.respond();
    void world.last.send('data: {"event_id":3}\n\n');
    await world.settle();
    expect(seen).toEqual([["3", 3]]);
  });
});
