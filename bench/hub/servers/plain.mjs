/** The bare loop: node:http, one `res.write` of a ready string for each stream. What a team writes without a library. */
import { createServer } from "node:http";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const streams = new Set();
const kept = createKept();

const server = createServer((req, res) => {
  res.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
  res.flushHeaders();
  for (const text of kept.after(req.headers["last-event-id"])) res.write(text);
  streams.add(res);
  req.on("close", () => streams.delete(res));
});

if (heartbeatMs > 0) {
  setInterval(() => {
    for (const res of streams) res.write(":\n\n");
  }, heartbeatMs);
}

server.listen(0, "127.0.0.1", () => {
  void drive({
    port: server.address().port,
    publish(message, id) {
      const text = `id: ${id}\ndata: ${JSON.stringify(message)}\n\n`;
      kept.add(id, text);
      for (const res of streams) res.write(text);
    },
  });
});
