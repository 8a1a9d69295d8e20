/** uWebSockets.js from npm's `uwebsockets`: a corked `res.write` of a ready string for each stream, as its manual asks for. */
import uws from "uwebsockets";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const streams = new Set();
const kept = createKept();

const app = uws.App().get("/events", (res, req) => {
  const missed = kept.after(req.getHeader("last-event-id"));
  res.onAborted(() => streams.delete(res));
  res.cork(() => {
    res.writeStatus("200 OK");
    res.writeHeader("Content-Type", "text/event-stream");
    res.writeHeader("Cache-Control", "no-cache");
    // Without a body there is no head: the library writes it with the first piece.
    res.write(":\n\n");
    for (const text of missed) res.write(text);
  });
  streams.add(res);
});

if (heartbeatMs > 0) {
  setInterval(() => {
    for (const res of streams) write(res, ":\n\n");
  }, heartbeatMs);
}

/** Without the cork, size, bytes and end of each chunk leave by themselves. */
function write(res, text) {
  res.cork(() => res.write(text));
}

app.listen("127.0.0.1", 0, (socket) => {
  void drive({
    port: uws.us_socket_local_port(socket),
    publish(message, id) {
      const text = `id: ${id}\ndata: ${JSON.stringify(message)}\n\n`;
      kept.add(id, text);
      for (const res of streams) write(res, text);
    },
  });
});
