/** @fastify/sse as its README shows it: `reply.sse.send` for each stream that was kept alive. */
import sse from "@fastify/sse";
import fastify from "fastify";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const streams = new Set();
const kept = createKept();
const app = fastify();

await app.register(sse, heartbeatMs > 0 ? { heartbeatInterval: heartbeatMs } : {});
app.get("/events", { sse: { kind: "only", heartbeat: heartbeatMs > 0 } }, async (_request, reply) => {
  reply.sse.keepAlive();
  reply.sse.sendHeaders();
  reply.raw.flushHeaders();
  await reply.sse.replay(async (lastEventId) => {
    for (const entry of kept.after(lastEventId)) await reply.sse.send(entry);
  });
  streams.add(reply.sse);
  reply.sse.onClose(() => streams.delete(reply.sse));
});
await app.listen({ host: "127.0.0.1", port: 0 });

const ignored = () => {};
void drive({
  port: app.server.address().port,
  publish(data, id) {
    const entry = { id, data };
    kept.add(id, entry);
    for (const stream of streams) stream.send(entry).catch(ignored);
  },
});
