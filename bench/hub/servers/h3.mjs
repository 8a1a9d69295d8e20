/** h3: `EventStream` and its `push` for each stream. It has no heartbeat: one timer writes for all. */
import { EventStream, H3, serve } from "h3";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const streams = new Set();
const kept = createKept();
const app = new H3();
const ignored = () => {};

app.get("/events", (event) => {
  const stream = new EventStream(event);
  // The response's head leaves with the first bytes of the body.
  stream.pushComment("").catch(ignored);
  for (const entry of kept.after(event.req.headers.get("last-event-id"))) stream.push(entry).catch(ignored);
  streams.add(stream);
  stream.onClosed(() => streams.delete(stream));
  return stream;
});

if (heartbeatMs > 0) {
  setInterval(() => {
    for (const stream of streams) stream.pushComment("").catch(ignored);
  }, heartbeatMs);
}

const server = serve(app, { hostname: "127.0.0.1", port: 0, silent: true });
await server.ready();

void drive({
  port: Number(new URL(server.url).port),
  publish(message, id) {
    const entry = { id, data: JSON.stringify(message) };
    kept.add(id, entry);
    for (const stream of streams) stream.push(entry).catch(ignored);
  },
});
