/**
 * What an event stream does on every server: one suite, run against each with `describeServer`.
 */
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, test } from "vitest";
import { FLOOD } from "./hubs.ts";
import type { HubStatistics } from "../../packages/tidings/src/server/index.ts";
import { Peer, type Reply } from "./peer.ts";

export interface RunningServer {
  readonly origin: string;
  stop(): unknown;
}

export interface ServerTraits {
  /** The version that is spoken to it; 1 unless told. */
  readonly version?: 1 | 2;
  /** Requests may not touch each other's streams, so that it can have no hub; docs/server.md says so. */
  readonly isolatesRequests?: true;
}

/** @param start - Starts a server, on a free port of 127.0.0.1, that answers with `runScenario`. */
export function describeServer(
  name: string,
  start: () => RunningServer | Promise<RunningServer>,
  { version = 1, isolatesRequests }: ServerTraits = {},
): void {
  describe.concurrent(`event streams of ${name}`, () => {
    let server: RunningServer | undefined;
    let peer: Peer;
    let keys = 0;

    beforeAll(async () => {
      server = await start();
      peer = new Peer(server.origin, version);
    }, 300_000); // some have to be built first
    afterAll(async () => {
      peer?.close();
      await server?.stop();
    });

    const newKey = () => `${name}-${++keys}`.replaceAll(" ", "-");
    const get = (path: string, key = "-", headers = {}) =>
      peer.request(`${path}?key=${encodeURIComponent(key)}`, { headers });
    const seen = async (key: string) => {
      const reply = await get("/seen", key);
      await reply.over;
      return JSON.parse(reply.messages[0]!.data) as string[];
    };

    test("answers with the head of an event stream and nothing that belongs to one hop", async ({
      expect,
    }) => {
      const { status, headers, over } = await get("/paced");
      await over;
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        incremental: "?1",
      });
      expect(headers).not.toHaveProperty("content-length");
      expect(headers).not.toHaveProperty("content-encoding");
    });

    test("head and first byte come at once, before there is a message", async ({ expect }) => {
      const reply = await get("/idle");
      await reply.until(() => reply.text.length > 0);
      expect(reply.text).toMatch(/^:\n\n/);
      expect(reply.messages).toEqual([]);
      reply.leave();
    });

    test("messages arrive whole and in order, and the end is an end", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/three", key);
      expect(await reply.over).toBe("whole");
      expect(reply.text).toBe(
        ':\n\ndata: {"time":"10:00:00"}\n\nevent: note\nid: 2\ndata: 你好\ndata: world 🎉\n\n: soon over\n\n',
      );
      await expect.poll(() => seen(key)).toEqual(["open", "closed", "ended"]);
    });

    test("each message arrives when it is sent, not with the next", async ({ expect }) => {
      const reply = await get("/paced");
      await reply.until(() => reply.messages.length > 0);
      expect(reply.messages).toHaveLength(1);
      await reply.until(() => reply.messages.length > 1);
      expect(await reply.over).toBe("whole");
    });

    test("a heartbeat comes when nothing else does", async ({ expect }) => {
      const reply = await get("/idle");
      await reply.until(() => reply.others.length >= 3);
      expect(new Set(reply.others)).toEqual(new Set([":"]));
      reply.leave();
    });

    test("a departed peer is noticed on an idle stream", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/idle", key);
      await reply.until(() => reply.text.length > 0);
      expect(await seen(key)).toEqual([]);
      reply.leave();
      await expect.poll(() => seen(key)).toEqual(["aborted", "peer-left", "closed"]);
    });

    test("a departed peer that had sent a body is noticed", async ({ expect }) => {
      const key = newKey();
      const reply = await peer.request(`/idle?key=${encodeURIComponent(key)}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ q: "你好" }),
      });
      await reply.until(() => reply.text.length > 0);
      reply.leave();
      await expect.poll(() => seen(key)).toEqual(["aborted", "peer-left", "closed"]);
    });

    test("a generator's messages are sent, and its end is the stream's", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/generator", key);
      expect(await reply.over).toBe("whole");
      expect(reply.messages.map(({ id, data }) => `${id}=${data}`)).toEqual([
        "1=1",
        "2=2",
        "3=3",
        "4=4",
        "5=5",
      ]);
      expect(await seen(key)).toEqual(["returned"]);
    });

    test("a generator returns when its peer leaves", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/endless", key);
      await reply.until(() => reply.messages.length >= 3);
      reply.leave();
      await expect.poll(() => seen(key)).toEqual(["returned"]);
    });

    test("a generator that fails cuts the response, so that it is not taken for the whole, behind what it said", async ({
      expect,
    }) => {
      const key = newKey();
      const reply = await get("/failing", key);
      expect(await reply.over).toBe("cut");
      expect(reply.messages.map(({ data }) => data)).toEqual(["before", "out of tokens"]);
      await expect.poll(() => seen(key)).toEqual(["Error: out of tokens", "source-failed"]);
    });

    test("what is large arrives whole though the stream was ended behind it", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/large", key);
      expect(await reply.over).toBe("whole");
      expect(reply.messages.map(({ data }) => data.length)).toEqual([64 * 65_537 - 1]);
      await expect.poll(() => seen(key)).toEqual(["ended"]);
    });

    test("HEAD gets the head and nothing else", async ({ expect }) => {
      const key = newKey();
      const reply = await peer.request(`/idle?key=${encodeURIComponent(key)}`, { method: "HEAD" });
      expect(await reply.over).toBe("whole");
      expect(reply.status).toBe(200);
      expect(reply.headers["content-type"]).toBe("text/event-stream");
      expect(reply.text).toBe("");
      await expect.poll(() => seen(key)).toEqual(["head", "closed"]);
    });

    test("an injected line break is refused with an error that shows it, and the stream goes on", async ({
      expect,
    }) => {
      const reply = await get("/refused");
      expect(await reply.over).toBe("whole");
      expect(reply.messages.map(({ event }) => event)).toEqual(["refused", "message"]);
      expect(reply.messages[0]!.data).toContain(
        String.raw`TypeError: Cannot encode message: event is "a\nevent: admin"`,
      );
    });

    test("options reach the head and the first bytes; Last-Event-ID is read as UTF-8", async ({ expect }) => {
      const id = Buffer.from("größe-7").toString("latin1");
      const reply = await get("/options", "-", { "last-event-id": id });
      expect(await reply.over).toBe("whole");
      expect(reply.status).toBe(201);
      expect(reply.headers).toMatchObject({ "x-one": "1", "set-cookie": ["a=1", "b=2"] });
      expect(reply.others).toEqual(["retry:1234"]);
      expect(reply.messages[0]).toMatchObject({ event: "last-event-id", data: "größe-7" });
    });

    test("a peer that stops reading costs no more than maxBufferedBytes and a message, then is cut", async ({
      expect,
    }) => {
      const key = newKey();
      const reply = await get("/flood", key);
      reply.pause();
      await expect.poll(() => seen(key), { timeout: 20_000 }).toHaveLength(2);
      const [code, most] = await seen(key);
      expect(code).toBe("slow");
      expect(Number(most)).toBeLessThanOrEqual(262_144 + 2 * 65_536); // the largest message, and framing
      reply.leave();
    });

    test("a generator is pulled no faster than the peer reads", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/pulled", key);
      reply.pause();
      const settled = await settledValue(async () => Number((await seen(key))[0]));
      reply.resume();
      await expect.poll(async () => Number((await seen(key))[0])).toBeGreaterThan(settled);
      reply.leave();
    });

    if (isolatesRequests) return;

    test("a hub's subscriber gets what is published, and what it missed when it returns", async ({
      expect,
    }) => {
      const key = newKey();
      const first = await get("/hub/subscribe", key);
      await first.until(() => first.text.length > 0);
      await (
        await get("/hub/publish", key)
      ).over;
      await first.until(() => first.messages.length === 3);
      expect(first.messages.map(({ event, data }) => `${event} ${data}`)).toEqual([
        "news 1",
        "news 2",
        "news 3",
      ]);
      first.leave();

      await (
        await get("/hub/publish", key)
      ).over;
      const second = await get("/hub/subscribe", key, { "last-event-id": first.messages[1]!.id });
      await second.until(() => second.messages.length === 4);
      expect(second.messages.map(({ data }) => data)).toEqual(["3", "1", "2", "3"]);
      second.leave();
    });

    test("a hub's subscriber gets other topics while its stream is open", async ({ expect }) => {
      const key = newKey();
      const reply = await get("/hub/subscribe", key);
      await reply.until(() => reply.text.length > 0);
      await (
        await get("/hub/publish", key)
      ).over;
      await reply.until(() => reply.messages.length === 3);
      await (
        await get("/hub/update", key)
      ).over;
      await reply.until(() => reply.messages.length === 5);
      expect(reply.messages.slice(3).map(({ data }) => data)).toEqual(["sports", "weather/1"]);
      reply.leave();
    });

    test("a hub's subscriber that stops reading holds up nobody, and gets all of it when it reads again", async ({
      expect,
    }) => {
      const key = newKey();
      const numbers = Array.from({ length: FLOOD.messages }, (_, n) => `${n}`);
      const stats = async () => statsOf(await get("/hub/stats", key));
      const slow = await get("/hub/subscribe", key);
      await slow.until(() => slow.text.length > 0);
      slow.pause();
      const other = await get("/hub/subscribe", key);
      await other.until(() => other.text.length > 0);
      await (
        await get("/hub/flood", key)
      ).over;
      await other.until(() => other.messages.length === FLOOD.messages);
      await expect.poll(async () => (await stats()).blockedStreams).toBe(1);

      slow.resume();
      await slow.until(() => slow.messages.length === FLOOD.messages);
      for (const { messages } of [slow, other])
        expect(messages.map(({ data }) => data.replaceAll(".", ""))).toEqual(numbers);
      expect((await stats()).gaps).toEqual({ retention: 0, epoch: 0, slow: 0 });
      slow.leave();
      other.leave();
      await expect.poll(async () => (await stats()).streams).toBe(0);
    });

    test("a hub's subscriber that stopped reading and left is noticed", async ({ expect }) => {
      const key = newKey();
      const stats = async () => statsOf(await get("/hub/stats", key));
      const reply = await get("/hub/subscribe", key);
      await reply.until(() => reply.text.length > 0);
      reply.pause();
      await (
        await get("/hub/flood", key)
      ).over;
      await expect.poll(async () => (await stats()).blockedStreams).toBe(1);
      reply.leave();
      await expect.poll(async () => (await stats()).ended["peer-left"]).toBe(1);
      expect((await stats()).streams).toBe(0);
    });

    // Over HTTP/2 nothing waits for another.
    describe.each(version === 1 ? [20, 200] : [])("%i requests that a peer sends at once", (count) => {
      /** Sends them over one connection, which ends when there is a stream, or is cut by the server. */
      const sendAtOnce = async (path: string, isOpened: () => Promise<boolean>): Promise<void> => {
        const { protocol, port, hostname, host } = new URL(server!.origin);
        const to = { host: hostname, port: Number(port) };
        const socket = protocol === "https:" ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
        let isCut = false;
        socket.on("error", () => undefined).on("close", () => (isCut = true));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(count));
        for (; !isCut && !(await isOpened());) await new Promise((resolve) => setTimeout(resolve, 20));
        socket.destroy();
      };

      test("leave nothing of a hub when it leaves", async ({ expect }) => {
        const key = newKey();
        const stats = async () => statsOf(await get("/hub/stats", key));
        await stats();
        await sendAtOnce(`/hub/subscribe?key=${key}`, async () => (await stats()).opened > 0);
        await expect.poll(async () => (await stats()).streams).toBe(0);
        // Those that are opened late do not stay either.
        expect(await settledValue(async () => 1 + (await stats()).streams)).toBe(1);
      });

      test("leave nothing of openStream when it leaves", async ({ expect }) => {
        const key = newKey();
        const open = async () => Number((await seen(key))[0] ?? 0);
        await sendAtOnce(`/counted?key=${key}`, async () => (await seen(key)).length > 0);
        await expect.poll(open).toBe(0);
        expect(await settledValue(async () => 1 + (await open()))).toBe(1);
      });
    });

    test("a hub that drains ends its streams, each told when to return, and refuses new ones", async ({
      expect,
    }) => {
      const key = newKey();
      const replies = await Promise.all(Array.from({ length: 4 }, () => get("/hub/subscribe", key)));
      for (const reply of replies) await reply.until(() => reply.text.length > 0);
      await (
        await get("/hub/drain", key)
      ).over;
      expect(await Promise.all(replies.map(({ over }) => over))).toEqual(Array(4).fill("whole"));
      for (const { others } of replies) expect(others).toContain("retry:250");
      const late = await get("/hub/subscribe", key);
      await late.over;
      expect(late.status).toBe(503);
      expect(late.headers["retry-after"]).toBe("1");
    });
  });
}

async function statsOf({ over, messages }: Reply): Promise<HubStatistics> {
  await over;
  return JSON.parse(messages[0]!.data) as HubStatistics;
}

/** What `read` says when it says the same for half a second. */
async function settledValue(read: () => Promise<number>): Promise<number> {
  let value = await read();
  for (let same = 0; same < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = await read();
    same = next === value && value > 0 ? same + 1 : 0;
    value = next;
  }
  return value;
}
