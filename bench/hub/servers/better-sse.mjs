/** better-sse as its guide shows it: a session for each request, registered with a channel that broadcasts. */
import { createServer } from "node:http";
import { createChannel, createSession } from "better-sse";
import { drive, heartbeatMs } from "./driver.mjs";
import { createKept } from "./kept.mjs";

const channel = createChannel();
const kept = createKept();

async function open(req, res) {
  const session = await createSession(req, res, { keepAlive: heartbeatMs > 0 ? heartbeatMs : null });
  for (const { message, id } of kept.after(session.lastId)) session.push(message, "message", id);
  channel.register(session);
}

const server = createServer((req, res) => void open(req, res));

server.listen(0, "127.0.0.1", () => {
  void drive({
    port: server.address().port,
    publish(message, id) {
      kept.add(id, { message, id });
      channel.broadcast(message, "message", { eventId: id });
    },
  });
});
