/**
 * The demo's endpoints over real HTTP: what a curl user sees.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { MessageStream, type ParsedMessage } from "tidings";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPlayground, type Playground, type PlaygroundOptions } from "./app.ts";

const CHAT = { method: "POST", headers: { authorization: "Bearer demo" } };

let server: Server | undefined;
let playground: Playground;

afterEach(async () => {
  vi.useRealTimers();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
  server = undefined;
});

async function serve(options: PlaygroundOptions = { tickMs: 5, tokenMs: 1 }): Promise<string> {
  playground = createPlayground(options);
  server = playground.app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function messagesOf(response: Response): Promise<ParsedMessage[]> {
  const messages = [];
  for await (const message of response.body!.pipeThrough(new MessageStream())) messages.push(message);
  return messages;
}

describe("GET /api/sse", () => {
  it("sends N+1 default messages with the time, then close, then ends", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/sse?tick=2`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const messages = await messagesOf(response);
    expect(messages.map(({ event }) => event)).toEqual(["message", "message", "message", "close"]);
    for (const { data } of messages.slice(0, 3)) {
      expect(JSON.parse(data)).toEqual({ time: expect.stringMatching(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/) });
    }
    expect(messages[3]!.data).toBe('{"message":"bye"}');
  });

  it("sends 11 messages when tick is absent, and 1 when it is 0", async () => {
    const origin = await serve();
    expect(await messagesOf(await fetch(`${origin}/api/sse`))).toHaveLength(12);
    expect(await messagesOf(await fetch(`${origin}/api/sse?tick=0`))).toHaveLength(2);
  });

  it("sends one message at once and then one a second", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const origin = await serve({});
    const response = await fetch(`${origin}/api/sse?tick=2`);
    const reader = response.body!.pipeThrough(new MessageStream()).getReader();
    expect((await reader.read()).value).toMatchObject({ event: "message" });

    let second: ParsedMessage | undefined;
    const next = reader.read().then(({ value }) => (second = value));
    vi.advanceTimersByTime(999);
    // Whatever had been sent by then would be here before the answer to a later request.
    await (await fetch(`${origin}/api/sse?tick=x`)).text();
    expect(second).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(await next).toMatchObject({ event: "message" });

    vi.advanceTimersByTime(1000);
    const rest = [
      (await reader.read()).value?.event,
      (await reader.read()).value?.event,
      (await reader.read()).done,
    ];
    expect(rest).toEqual(["message", "close", true]);
  });

  it("stops its clock when the peer has left", async () => {
    const origin = await serve();
    const leave = new AbortController();
    const response = await fetch(`${origin}/api/sse?tick=86400`, { signal: leave.signal });
    await response.body!.getReader().read();
    expect(playground.streams.size).toBe(1);
    leave.abort();
    await vi.waitFor(() => expect(playground.streams.size).toBe(0));
  });

  it.each(["", "x", "-1", "+1", "1.5", "1e3", "0x10", "%201", "86401", "99999999999999999999", "1&tick=2"])(
    "answers 400 with a reason when tick is %j",
    async (tick) => {
      const origin = await serve();
      const response = await fetch(`${origin}/api/sse?tick=${tick}`);
      expect(response.status).toBe(400);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      const { error } = (await response.json()) as { error: string };
      expect(error).toMatch(/^Cannot start clock: tick is .*, expected a whole number from 0 to 86400$/);
    },
  );

  it("answers 405 to another method, and says which it takes", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/sse`, { method: "POST" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
    expect(await response.json()).toEqual({ error: "Cannot answer POST, expected GET" });
  });
});

describe("POST /api/chat", () => {
  it("streams an answer a token at a time, Chinese and emoji among them, and ends with done", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/chat`, { ...CHAT, body: '{"q": "你好"}' });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const messages = await messagesOf(response);
    const last = messages.pop()!;
    expect(messages.every(({ event }) => event === "message")).toBe(true);
    const tokens = messages.map(({ data }) => (JSON.parse(data) as { token: string }).token);
    expect(tokens.length).toBeGreaterThan(20);
    expect(tokens.join("")).toContain("你问的是「你好」");
    expect(tokens.join("")).toMatch(/\p{Script=Han}.*\p{Emoji_Presentation}/u);
    expect(last).toMatchObject({ event: "done", data: JSON.stringify({ tokens: tokens.length }) });
  });

  it("does not cut a long question inside a character", async () => {
    const origin = await serve();
    const body = JSON.stringify({ q: "🙂".repeat(500) });
    const text = await (await fetch(`${origin}/api/chat`, { ...CHAT, body })).text();
    expect(text).not.toMatch(/\\ud[89a-f]|\ufffd/i);
  });

  it.each([
    ["without an Authorization header", {}],
    ["with another token", { authorization: "Bearer other" }],
    ["with another scheme", { authorization: "Basic demo" }],
  ])("answers 401 %s, and names the scheme", async (_case, headers) => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/chat`, { method: "POST", headers, body: '{"q": "你好"}' });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="playground"');
    expect(await response.json()).toEqual({ error: expect.stringContaining('expected "Bearer demo"') });
  });

  it.each([
    ["not JSON", "{q: 1}", /^Cannot read body as JSON: /],
    ["JSON that was cut off", '{"q": "', /^Cannot read body as JSON: /],
    ["empty", "", /q is missing/],
    ["no object", "[]", /q is missing/],
    ["without q", '{"question": "你好"}', /q is missing/],
    ["with a q that is no text", '{"q": 1}', /q is 1, expected/],
    ["with a blank q", '{"q": "  "}', /q is " {2}", expected/],
  ])("answers 400 with a reason when the body is %s", async (_case, body, reason) => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/chat`, { ...CHAT, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(reason) });
  });

  it("answers 413 when the body is longer than 64 KiB", async () => {
    const origin = await serve();
    const body = JSON.stringify({ q: "x".repeat(65_536) });
    const response = await fetch(`${origin}/api/chat`, { ...CHAT, body });
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ error: "Cannot read body: it is longer than 65536 bytes" });
  });

  it("answers 405 to another method, and says which it takes", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/chat`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("/api/topics/:topic", () => {
  async function publish(origin: string, topic: string, message: unknown): Promise<Response> {
    return fetch(`${origin}/api/topics/${topic}`, { method: "POST", body: JSON.stringify(message) });
  }

  it("carries what is published to who is subscribed, each message with its cursor as id", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/topics/news`);
    const reader = response.body!.pipeThrough(new MessageStream()).getReader();
    const plain = await publish(origin, "news", { data: "你好" });
    const typed = await publish(origin, "news", { event: "headline", data: { title: "Tidings" } });
    await publish(origin, "other", { data: "for others" });
    expect([plain.status, typed.status]).toEqual([201, 201]);
    const { id: first } = (await plain.json()) as { id: string };
    const { id: second } = (await typed.json()) as { id: string };
    expect((await reader.read()).value).toEqual({ event: "message", data: "你好", id: first });
    expect((await reader.read()).value).toEqual({
      event: "headline",
      data: '{"title":"Tidings"}',
      id: second,
    });
  });

  it("gives who comes back what was published meanwhile, and tells of a gap where it cannot", async () => {
    const origin = await serve();
    const ids = [];
    for (const data of ["one", "two", "three"]) {
      ids.push(((await (await publish(origin, "news", { data })).json()) as { id: string }).id);
    }
    const resume = async (lastEventId: string): Promise<string[]> => {
      const headers = { "last-event-id": lastEventId };
      const leave = new AbortController();
      const response = await fetch(`${origin}/api/topics/news`, { headers, signal: leave.signal });
      const reader = response.body!.pipeThrough(new MessageStream()).getReader();
      const next = [(await reader.read()).value!];
      if (next[0]!.event === "message") next.push((await reader.read()).value!);
      leave.abort();
      return next.map(({ event, data }) => (event === "message" ? data : event));
    };
    expect(await resume(ids[0]!)).toEqual(["two", "three"]);
    expect(await resume("anotherepoch.1")).toEqual(["gap"]);
  });

  it.each([
    ["nothing", undefined, /data is undefined/],
    ["no data", { event: "headline" }, /data is undefined/],
    ["a type with a line break", { event: "a\nb", data: 1 }, /"a\\nb"/],
    ["a type that is no text", { event: 1, data: 1 }, /event is of type number/],
    ["the hub's own type", { event: "gap", data: 1 }, /"gap"/],
  ])("answers 400 with a reason to %s", async (_case, message, reason) => {
    const origin = await serve();
    const response = await publish(origin, "news", message);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(reason) });
  });

  it("answers 405 to another method, and says which it takes", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/topics/news`, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });
});

describe("everything else", () => {
  it("answers 404 with a reason where there is nothing", async () => {
    const origin = await serve();
    const response = await fetch(`${origin}/api/nothing?here=1`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: "Cannot find /api/nothing?here=1" });
  });

  it("serves the page, and the client as the package has it", async () => {
    const origin = await serve();
    const page = await fetch(`${origin}/`);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await page.text()).toContain("/page/main.js");
    const client = await fetch(`${origin}/tidings/client/index.js`);
    expect(client.headers.get("content-type")).toMatch(/javascript/);
    expect(await client.text()).toMatch(/export ?\{[^}]*\bconnect\b/);
  });
});
