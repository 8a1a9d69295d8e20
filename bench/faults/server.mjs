/**
 * The server under faults: a hub over a log on disk, half of whose streams come through the acceptor. Its parent publishes through
 * it, revokes subscribers, kills it, and starts it again.
 */
import { createServer } from "node:http";
import { open } from "lmdb";
import { createAcceptor } from "tidings/acceptor";
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
  onError: (error) => tell({ reported: String(error?.stack ?? error) }),
});
for (const name of ["unhandledRejection", "uncaughtException"]) {
  process.on(name, (error) => tell({ unhandled: `${name}: ${String(error?.stack ?? error)}` }));
}

const subscribe = (request, response) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  const topics = searchParams.getAll("topic");
  const patterns = searchParams.getAll("pattern").map((pattern) => ({ pattern }));
  return hub.subscribe(request, response, {
    topics: [...topics, ...patterns],
    subscriber: searchParams.get("reader"),
    onGap: searchParams.get("onGap"),
    ...(searchParams.has("slow") && { authorize: ({ signal }) => decideSlowly(signal) }),
  });
};
const server = createServer((request, response) => {
  if (!acceptor.serve(request, response)) void subscribe(request, response);
});
const acceptor = createAcceptor(
  server,
  { "/accepted": subscribe },
  {
    authorize: ({ url }) => (url.includes("&slow") ? decideSlowly().then(() => true) : true),
    onError: (error) => tell({ reported: String(error?.stack ?? error) }),
  },
);
server.listen(Number(port), "127.0.0.1", () => process.send({ port: server.address().port }));

/** Mostly a moment, now and then longer than a peer stays; and the peer may leave or be revoked meanwhile. */
function decideSlowly(signal) {
  const ms = Math.random() < 0.1 ? 1_500 * Math.random() : 50 * Math.random();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ recheckMs: 1_000 + 2_000 * Math.random() }), ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

process.on("message", (message) => {
  if (message.revoke !== undefined) void hub.revoke(message.revoke);
  else if (message.sample) tell({ sample: sample() });
  else publish(message);
});
process.on("disconnect", () => process.exit(0));
process.once("SIGTERM", () => void leave());

function publish({ key, messages }) {
  hub.publish(messages, { idempotencyKey: key }).then(
    ({ ids, repeated }) => tell({ key, ids, repeated }),
    (error) => tell({ key, error: String(error) }),
  );
}

/**
 * What is there now, without garbage. The native parts of sockets and compressors, and the buffers that these hold, are let go of
 * in one collection, and freed in the next.
 */
function sample() {
  global.gc();
  global.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  const { streams, blockedStreams, blockedBytes, routes, subscriberGroups } = hub.stats();
  const accepted = acceptor.stats().connections;
  return {
    heapUsed,
    external,
    rss,
    streams,
    blockedStreams,
    blockedBytes,
    routes,
    subscriberGroups,
    accepted,
  };
}

async function leave() {
  await hub.drain({ overMs: 200 });
  await env.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}
