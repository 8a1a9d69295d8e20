/** The server under faults: a hub over a log on disk. Its parent publishes through it, kills it, and starts it again. */
import { createServer } from "node:http";
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { createHub } from "tidings/server";

const [path, port, retained] = process.argv.slice(2);
const env = open({ path, overlappingSync: false, eventTurnBatching: false });
const hub = createHub({
  log: lmdbLog(env),
  retention: { messages: Number(retained) },
  // Small, so that those who fell behind have to read the log.
  recent: { messages: 2_000 },
  heartbeatMs: 2_000,
  stallMs: 1_500,
  compression: true,
});

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  const topics = searchParams.getAll("topic");
  const patterns = searchParams.getAll("pattern").map((pattern) => ({ pattern }));
  void hub.subscribe(request, response, {
    topics: [...topics, ...patterns],
    onGap: searchParams.get("onGap"),
  });
});
server.listen(Number(port), "127.0.0.1", () => process.send({ port: server.address().port }));

process.on("message", ({ key, messages }) => {
  hub.publish(messages, { idempotencyKey: key }).then(
    ({ ids, repeated }) => tell({ key, ids, repeated }),
    (error) => tell({ key, error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.once("SIGTERM", () => void leave());

async function leave() {
  await hub.drain({ overMs: 200 });
  await env.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}
