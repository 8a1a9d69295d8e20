/**
 * The limits with a default, and how each is filled: `units` of it in memory, of which the default allows so many. What `keep` has is
 * there until it was measured.
 */
import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

const MIB = 2 ** 20;
const server = () => import("tidings/server");
const request = () => new Request("http://127.0.0.1/");
const pause = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));

async function listen(http) {
  await new Promise((resolve) => void http.listen(0, "127.0.0.1", resolve));
  return http.address().port;
}

/** Connections that send `text` and read nothing, in a heap of their own. */
function silent(port, connections, text) {
  return new Worker(
    `const { connect } = require("node:net");
     // A socket that reads nothing keeps no thread alive.
     setInterval(() => undefined, 60_000);
     for (let n = 0; n < ${connections}; n += 1) connect(${port}, "127.0.0.1").on("error", () => 0).pause().write(${text});`,
    { eval: true },
  );
}

const settle = () => new Promise((resolve) => void setTimeout(resolve, 0));

/** A log that is open. */
async function openMemoryLog(retention) {
  const { memoryLog } = await import("tidings/log");
  const log = memoryLog();
  await log.open({ retention: { messages: 1e7, bytes: Infinity, ageMs: 1e9, ...retention }, onTail() {} });
  return log;
}

const body = (bytes) => new TextEncoder().encode(`data: ${"x".repeat(bytes - 8)}\n\n`);

/** 10,000 messages in memoryLog. */
async function retained(bytes) {
  const log = await openMemoryLog();
  for (let n = 0; n < 10_000; n += 1) await log.append([{ topic: "a", body: body(bytes) }]);
  return log;
}

/** Topics whose only message was discarded. */
function emptyTopics(topics) {
  return {
    filled: "topics of 30 characters without a message",
    default: topics,
    async fill() {
      const log = await openMemoryLog({ messages: 1 });
      for (let n = 0; n < topics; n += 1)
        await log.append([{ topic: `user/${String(n).padStart(25, "0")}`, body: body(20) }]);
      return { units: topics, keep: log };
    },
  };
}

/** Messages that wait for lmdbLog: appended in one turn, so that all of them wait. */
async function pending(messages, bytes) {
  const { open } = await import("lmdb");
  const { lmdbLog } = await import("tidings/log/lmdb");
  const env = open({
    path: mkdtempSync(join(tmpdir(), "tidings-memory-")),
    overlappingSync: false,
    eventTurnBatching: false,
  });
  const log = lmdbLog(env);
  await log.open({ retention: { messages: 10_000, bytes: 64 * MIB, ageMs: 1e9 }, onTail() {} });
  const appends = [];
  for (let n = 0; n < messages; n += 1)
    appends.push(log.append([{ topic: "a", body: body(bytes) }]).catch(() => undefined));
  return { inTurn: true, log, appends };
}

/** Streams whose topics a client chose, to be as many and as long as the head of a request holds. */
async function select(select) {
  const { createHub } = await server();
  const hub = createHub({ limits: { streams: 1e6 } });
  const STREAMS = 300;
  const responses = [];
  let bytes = 0;
  for (let n = 0; n < STREAMS; n += 1) {
    const topics = Array.from({ length: 100 }, (_, i) => select(n, i));
    // As the hub counts them.
    bytes += topics.reduce((sum, topic) => sum + 600 + 4 * ((topic.pattern ?? topic).length + 3), 0);
    responses.push(await hub.respond(request(), { topics }));
  }
  return { units: bytes, keep: [hub, responses] };
}

/** Streams of one-message answers. */
async function answersOf(answers, messages, isEnded) {
  const { createAnswers } = await server();
  const kept = createAnswers();
  const gates = [];
  let bytes = 0;
  for (let n = 0; n < answers; n += 1) {
    await kept.start(`${n}`, async function* () {
      for (let i = 0; i < messages; i += 1) yield { data: "x" };
      if (!isEnded) await new Promise((resolve) => gates.push(resolve));
    });
    await settle();
  }
  await new Promise((resolve) => void setTimeout(resolve, 1_000));
  for (let n = 0; n < answers; n += 1) bytes += (await kept.state(`${n}`)).bytes;
  return { units: bytes, keep: [kept, gates] };
}

/** Readers of logs that are larger than what the kernel takes for one that reads nothing: bytes of a message, and how many. */
export const readers = {
  "readers, 1 kB": [1_000, 10_000],
  "readers, 64 kB": [65_536, 300],
  "readers, 1 MB": [1_000_000, 30],
};

/** Streams of openStream that are sent as much as their peers may leave untaken. */
async function slowPeers(data, peers) {
  const { openStream } = await server();
  const streams = [];
  const http = createServer((req, res) => void streams.push(openStream(req, res)));
  const clients = silent(await listen(http), peers, "`GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n`");
  while (streams.length < peers) await pause(20);
  for (const stream of streams) {
    // What the kernel takes goes first.
    for (let idle = 0; idle < 5;) {
      idle = stream.bufferedBytes > 0 ? idle + 1 : 0;
      if (stream.bufferedBytes < 100_000) stream.send({ data: "x".repeat(60_000) });
      await pause(2);
    }
    while (stream.bufferedBytes < 970_000) stream.send({ data });
  }
  const units = streams.reduce((sum, stream) => sum + (stream.closed ? 0 : stream.heldBytes), 0);
  return { units, keep: [http, streams, clients] };
}

export const cases = {
  "selectionBytes, topics": {
    filled: "bytes that are counted for topics, 100 in each of 300 streams",
    default: 64 * MIB,
    fill: () => select((n, i) => `t/${n}/${i}/${"x".repeat(140)}`),
  },
  "selectionBytes, short topics": {
    filled: "bytes that are counted for topics, 100 in each of 300 streams",
    default: 64 * MIB,
    fill: () => select((n, i) => `${n}/${i}`),
  },
  "selectionBytes, patterns": {
    filled: "bytes that are counted for patterns, 100 in each of 300 streams",
    default: 64 * MIB,
    fill: () => select((n, i) => ({ pattern: `t/${n}/${i}/${"x".repeat(130)}/:a/:b` })),
  },
  blockedBytes: {
    filled: "bytes that wait for 400 readers of as many topics, which read nothing",
    default: 128 * MIB,
    async fill() {
      const { createHub } = await server();
      const hub = createHub({ recent: { messages: 1 }, retention: { messages: 1 } });
      const http = createServer((req, res) => void hub.subscribe(req, res, { topics: [req.url] }));
      const port = await listen(http);
      const clients = silent(port, 400, "`GET /${n} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n`");
      while (hub.stats().streams < 400) await pause(20);
      const data = "x".repeat(60_000);
      while (hub.stats().blockedStreams < 400) {
        for (let n = 0; n < 400; n += 1) {
          await hub.publish(`/${n}`, { data });
          // Later than the fan-out, or the next discards it.
          await settle();
        }
      }
      return { units: hub.stats().blockedBytes, keep: [hub, http, clients] };
    },
  },
  readBytes: {
    filled: "bytes of 32 pages of one large message each, read at once",
    default: 32 * MIB,
    async fill() {
      const { createHub } = await server();
      const hub = createHub({ recent: { messages: 1, bytes: 1 } });
      const data = "x".repeat(MIB - 100);
      for (let n = 0; n < 32; n += 1) await hub.publish(`t/${n}`, { data });
      const responses = await Promise.all(
        Array.from({ length: 32 }, (_, n) =>
          hub.respond(request(), { topics: [`t/${n}`], from: "earliest" }),
        ),
      );
      await settle();
      return { units: 32 * data.length * 2, keep: [hub, responses] };
    },
  },
  "recent.messages": {
    filled: "small messages of one topic",
    default: 16_384,
    async fill() {
      const { createHub } = await server();
      const hub = createHub({ retention: { messages: 1 } });
      const response = await hub.respond(request(), { topics: ["a"] });
      const list = Array.from({ length: 1_000 }, () => ({ topic: "a", data: "x" }));
      for (let n = 0; n < 17; n += 1) await hub.publish(list);
      await settle();
      return { units: hub.stats().recentMessages, keep: [hub, response] };
    },
  },
  "retention.messages": {
    filled: "messages of 100 bytes in memoryLog",
    default: 10_000,
    fill: async () => ({ units: 10_000, keep: await retained(100) }),
  },
  "retention.bytes": {
    filled: "bytes in memoryLog, in messages of 6,700",
    default: 64 * MIB,
    fill: async () => ({ units: 67e6, keep: await retained(6_700) }),
  },
  idempotencyKeys: {
    filled: "keys of 36 characters, of 20 characters of topic",
    default: 100_000,
    async fill() {
      const log = await openMemoryLog({ messages: 1 });
      for (let n = 0; n < 100_000; n += 1) {
        const options = { idempotencyKey: crypto.randomUUID() };
        await log.append([{ topic: `user/${String(n % 1_000).padStart(15, "0")}`, body: body(20) }], options);
      }
      return { units: 100_000, keep: log };
    },
  },
  emptyTopics: emptyTopics(10_000),
  "emptyTopics, and those beyond": emptyTopics(510_000),
  "pendingBytes, small messages": {
    filled: "messages of 20 bytes that wait for lmdbLog",
    default: (64 * MIB) / 20,
    fill: async () => ({ units: 100_000, keep: await pending(100_000, 20) }),
  },
  "pendingBytes, large messages": {
    filled: "bytes in messages of 10,000 that wait for lmdbLog",
    default: 64 * MIB,
    fill: async () => ({ units: 60e6, keep: await pending(6_000, 10_000) }),
  },
  "answers, running": {
    filled: "bytes of 20 running answers, 50,000 small messages each",
    default: 128 * MIB,
    fill: () => answersOf(20, 50_000, false),
  },
  "answers, ended": {
    filled: "bytes of 20 answers that ended, 50,000 small messages each",
    default: 128 * MIB,
    fill: () => answersOf(20, 50_000, true),
  },
  "answers, small": {
    filled: "answers of one message",
    default: 1_000,
    async fill() {
      const { keep } = await answersOf(1_000, 1, true);
      return { units: 1_000, keep };
    },
  },
  "maxTotalBufferedBytes, large messages": {
    filled: "bytes that are counted for 160 streams of openStream, whose peers read nothing",
    default: 128 * MIB,
    fill: () => slowPeers("x".repeat(60_000), 160),
  },
  "maxTotalBufferedBytes, small messages": {
    filled: "bytes that are counted for 20 streams of openStream, whose peers read nothing",
    default: 128 * MIB,
    fill: () => slowPeers("x", 20),
  },
  maxWaiting: {
    filled: "connections that have sent nothing",
    default: 10_000,
    async fill() {
      const { createAcceptor } = await import("tidings/acceptor");
      const http = createServer();
      const acceptor = createAcceptor(
        http,
        { "/": () => undefined },
        { authorize: "public", silenceMs: 60_000 },
      );
      const clients = silent(await listen(http), 300, '""');
      while (acceptor.stats().connections < 300) await pause(20);
      return { units: 300, keep: [http, acceptor, clients] };
    },
  },
};
