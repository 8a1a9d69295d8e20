import { once } from "node:events";
import Fastify, { type FastifyInstance } from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { createAnswers, createHub, openStream } from "../../packages/tidings/src/server/index.ts";
import { eventStreams } from "../../packages/tidings/src/server/fastify.ts";
import { Peer, type Reply } from "./peer.ts";

async function start(build: (fastify: FastifyInstance) => unknown) {
  const fastify = Fastify();
  await build(fastify);
  const origin = await fastify.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => fastify.close());
  return { fastify, peer: new Peer(origin) };
}

test("headers that hooks put on the reply are on the stream", async () => {
  const { peer } = await start((fastify) => {
    fastify.addHook("onRequest", async (_, reply) => {
      reply.header("access-control-allow-origin", "https://a.example").header("x-ratelimit-remaining", 7);
      reply.header("set-cookie", ["a=1", "b=2"]);
    });
    fastify.get("/", async (request, reply) => openStream(request, reply, [{ data: 1 }]).ended);
  });
  const reply = await peer.request("/");
  expect(await reply.over).toBe("whole");
  expect(reply.headers).toMatchObject({
    "access-control-allow-origin": "https://a.example",
    "x-ratelimit-remaining": "7",
    "set-cookie": ["a=1", "b=2"],
    "content-type": "text/event-stream",
  });
});

test("a mistake in the call is Fastify's to answer", async () => {
  const { peer } = await start((fastify) => {
    fastify.get("/", (request, reply) => void openStream(request, reply, { retryMs: -1 }));
  });
  const reply = await peer.request("/");
  await reply.over;
  expect(reply.status).toBe(500);
  expect(reply.text).toContain("retry is -1");
});

test("a hub takes the reply too, also to refuse", async () => {
  const hub = createHub();
  const { peer } = await start((fastify) => {
    fastify.get("/:topic", (request, reply) => {
      reply.header("x-from", "hook");
      const { topic } = request.params as { topic: string };
      return hub.subscribe(request, reply, { topics: [topic], authorize: () => topic !== "secret" });
    });
  });
  const open = await peer.request("/news");
  await open.until(() => open.text.length > 0);
  await hub.publish("news", { data: "first" });
  await open.until(() => open.messages.length === 1);
  expect(open.headers["x-from"]).toBe("hook");

  const refused = await peer.request("/secret");
  await refused.over;
  expect([refused.status, refused.headers["x-from"]]).toEqual([403, "hook"]);
  await hub.drain({ overMs: 0 });
  expect(await open.over).toBe("whole");
});

test("the plugin adds reply.openStream, in every context, with its options as defaults", async () => {
  const { peer } = await start(async (fastify) => {
    await fastify.register(eventStreams, { retryMs: 500 });
    await fastify.register(
      async (inner) => {
        inner.get("/plain", (_, reply) => {
          const stream = reply.openStream();
          stream.send({ data: "plain" });
          stream.end();
        });
        inner.get("/source", (_, reply) => {
          reply.openStream<{ price: number }>(
            async function* () {
              yield { event: "price", data: 1 };
            },
            { retryMs: 700 },
          );
        });
        inner.get("/options", (_, reply) => reply.openStream({ retryMs: 900 }).end());
      },
      { prefix: "/inner" },
    );
  });
  const seen = async (path: string) => {
    const reply = await peer.request(path);
    await reply.over;
    return reply.text;
  };
  expect(await seen("/inner/plain")).toBe("retry: 500\n\ndata: plain\n\n");
  expect(await seen("/inner/source")).toBe("retry: 700\n\nevent: price\ndata: 1\n\n");
  expect(await seen("/inner/options")).toBe("retry: 900\n\n");
});

test("the plugin ends its streams when the application closes, which then does not wait", async () => {
  const codes: string[] = [];
  const { fastify, peer } = await start(async (fastify) => {
    await fastify.register(eventStreams);
    fastify.get("/", (_, reply) => {
      const stream = reply.openStream();
      void stream.ended.then(({ code }) => codes.push(code));
    });
  });
  const replies: Reply[] = [];
  for (let i = 0; i < 3; i++) {
    const reply = await peer.request("/", { headers: { connection: "keep-alive" } });
    await reply.until(() => reply.text.length > 0);
    replies.push(reply);
  }
  replies.pop()!.leave();
  await expect.poll(() => codes).toEqual(["peer-left"]);
  await fastify.close();
  expect(codes).toEqual(["peer-left", "ended", "ended"]);
  for (const reply of replies) expect(await reply.over).toBe("whole");
});

test("a hub that cannot be drained keeps none of the others from it, and is told of", async () => {
  const mistake = new TypeError("cannot drain");
  const ended: string[] = [];
  const late = async (name: string): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    ended.push(name);
  };
  const hubs = [
    {
      drain() {
        throw mistake;
      },
    },
    { drain: () => Promise.reject(mistake) },
    { drain: () => late("hub") },
  ];
  const { fastify } = await start(async (fastify) => {
    await fastify.register(eventStreams, { hubs, answers: [{ close: () => late("answers") }] });
  });
  await expect(fastify.close()).rejects.toBe(mistake);
  expect(ended).toEqual(["hub", "answers"]);
});

test("an application with a hub closes, and its streams have ended as HTTP ends them", async () => {
  const hub = createHub();
  const { fastify, peer } = await start(async (fastify) => {
    await fastify.register(eventStreams, { hubs: [hub] });
    fastify.get("/", (request, reply) => hub.subscribe(request, reply, { topics: ["news"] }));
  });
  const open = await peer.request("/");
  await open.until(() => open.text.length > 0);
  await fastify.close();
  expect(await open.over).toBe("whole");
  expect(open.text).toContain("retry: ");
});

test("an application with answers closes, and their readers have the verdict", async () => {
  const answers = createAnswers();
  let stopped = 0;
  const { fastify, peer } = await start(async (fastify) => {
    await fastify.register(eventStreams, { answers: [answers] });
    fastify.get("/", (request, reply) =>
      answers.resumable(request, reply, "a", async function* ({ signal }) {
        yield { data: "1" };
        await once(signal, "abort");
        stopped += 1;
      }),
    );
  });
  const replies = await Promise.all(
    Array.from({ length: 3 }, () => peer.request("/", { headers: { connection: "keep-alive" } })),
  );
  for (const reply of replies) await reply.until(() => reply.messages.length > 0);
  await fastify.close();
  expect(stopped).toBe(1);
  for (const reply of replies) {
    expect(await reply.over).toBe("whole");
    expect(reply.messages.at(-1)).toMatchObject({ event: "failed", data: '{"reason":"lost"}' });
  }
});
