/** Hono on node-server: `streamSSE`, and `writeSSE` for each stream. It has no heartbeat: one timer writes for all. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const streams = new Set();
const kept = createKept();
const app = new Hono();
const ignored = () => {};

app.get("/events", (c) =>
  streamSSE(c, async (stream) => {
    for (const entry of kept.after(c.req.header("last-event-id"))) await stream.writeSSE(entry);
    streams.add(stream);
    await new Promise((resolve) => stream.onAbort(resolve));
    streams.delete(stream);
  }),
);

if (heartbeatMs > 0) {
  setInterval(() => {
    for (const stream of streams) stream.write(":\n\n").catch(ignored);
  }, heartbeatMs);
}

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  void drive({
    port,
    publish(message, id) {
      const entry = { id, data: JSON.stringify(message) };
      kept.add(id, entry);
      for (const stream of streams) stream.writeSSE(entry).catch(ignored);
    },
  });
});
