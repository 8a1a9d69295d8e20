import { describe, expect, test } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../../connect.ts";

function open(options: ConnectOptions = {}) {
  const world = createWorld();
  const data: string[] = [];
  const connection = connect("https://a.example/chat", {
    transport: world.transport,
    clock: world.clock,
    method: "POST",
    body: { q: "?" },
    headers: { token: "t" },
    resume: ({ response, lastEventId }) => ({
      url: `https://a.example/chat/${response.header("x-answer")}?after=${lastEventId}`,
    }),
    onMessage: (message) => void data.push(message.data),
    ...options,
  });
  return { world, connection, data };
}

describe("resume", () => {
  test("starts by POST, and returns by another request with the same headers", async () => {
    const { world, connection, data } = open({ until: "done" });
    expect(world.last.request).toMatchObject({ method: "POST", body: '{"q":"?"}' });
    world.last.respond(201, { "x-answer": "a7" });
    void world.last.send("id: 1\ndata: Ti\n\n");
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request).toEqual({
      method: "GET",
      url: "https://a.example/chat/a7?after=1",
      headers: { accept: "text/event-stream", token: "t", "last-event-id": "1" },
      body: undefined,
    });
    world.last.respond();
    void world.last.send("id: 2\ndata: dings\n\nevent: done\nid: 3\ndata:\n\n");
    expect(await connection.ended).toEqual({ reason: "complete" });
    expect(data).toEqual(["Ti", "dings", ""]);
  });

  test("repeats no POST that was not answered", async () => {
    const { world, connection } = open();
    world.last.fail();
    expect(await connection.ended).toMatchObject({ reason: "gave-up", cause: { code: "network" } });
    expect(world.attempts).toHaveLength(1);
  });

  test('repeats the POST until it is answered, with replay: "unanswered"', async () => {
    const { world } = open({ retry: { replay: "unanswered" } });
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request.method).toBe("POST");
    world.last.respond(200, { "x-answer": "b" });
    world.last.fail();
    await world.advance(10_000);
    expect(world.last.request.method).toBe("GET");
  });

  test("keeps the server's retry: over both requests", async () => {
    const { world } = open();
    world.last.respond();
    void world.last.send("retry: 5000\n\n");
    world.last.fail();
    await world.advance(4999);
    expect(world.attempts).toHaveLength(1);
    await world.advance(1);
    world.last.respond();
    world.last.fail();
    await world.advance(4999);
    expect(world.attempts).toHaveLength(2);
    await world.advance(1);
    expect(world.attempts).toHaveLength(3);
  });

  test("may say method and headers, and take its time", async () => {
    const { world } = open({
      resume: async () => ({ url: "https://b.example/", method: "QUERY", headers: { token: "u" } }),
    });
    world.last.respond();
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request).toMatchObject({
      method: "QUERY",
      url: "https://b.example/",
      headers: { accept: "text/event-stream", token: "u" },
    });
  });

  test("is complete when there is nothing to return to", async () => {
    const { world, connection } = open();
    world.last.respond();
    void world.last.send("data: x\n\n");
    world.last.end();
    await world.advance(1000);
    world.last.respond(204);
    expect(await connection.ended).toEqual({ reason: "complete" });
  });
});
