/**
 * One server. `GET /:id` starts or joins an answer whose tokens come at 50 a second, `GET /:id/resume` returns to it. What it is
 * made with is its argument: `bare` (openStream, an answer for each reader), `memory`, `redis`, `lmdb` (ours), or `resumable-stream`.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createAnswers, openStream } from "tidings/server";

const require = createRequire(new URL("../../test/answers/package.json", import.meta.url));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const [, , kind] = process.argv;
const { REDIS, LMDB } = process.env;

/** Time comes in steps of a millisecond. An answer has a token every twenty of them, and half as many answers each a step. */
const TOKEN_MS = 20;
const waiting = Array.from({ length: TOKEN_MS }, () => []);
const startedMs = performance.now();
let step = 0;
setInterval(() => {
  for (const now = performance.now() - startedMs; step < now; step += 1) {
    const due = waiting[step % TOKEN_MS];
    waiting[step % TOKEN_MS] = [];
    for (const go of due) go();
  }
}, 1);

let begun = 0;
const dataOf = (n) => `{"type":"text-delta","id":"0","delta":" word${n % 1000}"}`;
async function* tokens() {
  const slot = (begun += 1) % TOKEN_MS;
  for (let n = 0; ; n += 1) {
    await new Promise((go) => void waiting[slot].push(go));
    yield n;
  }
}
async function* messages() {
  for await (const n of tokens()) yield { data: dataOf(n) };
}

async function openRedis() {
  const { createClient } = await load("redis");
  const client = createClient({ url: REDIS });
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function openAnswers() {
  const limits = { answers: 20_000, streams: 50_000, totalBytes: 2 ** 28 };
  if (kind === "memory") return createAnswers(limits);
  if (kind === "redis") {
    const { redisLog } = await import("tidings/log/redis");
    return createAnswers({ ...limits, log: redisLog(await openRedis()) });
  }
  const { open } = await import("lmdb");
  const { lmdbLog } = await import("tidings/log/lmdb");
  const environment = open({
    path: LMDB,
    overlappingSync: false,
    eventTurnBatching: false,
    mapSize: 2 ** 31,
  });
  return createAnswers({ ...limits, log: lmdbLog(environment) });
}

async function handler() {
  if (kind === "bare") return (request, response) => void openStream(request, response, messages());
  if (kind !== "resumable-stream") {
    const answers = await openAnswers();
    return (request, response) => {
      const [, id, action] = request.url.split("/");
      if (action === "resume") void answers.resume(request, response, id);
      else void answers.resumable(request, response, id, messages);
    };
  }
  const { createResumableStreamContext } = await load("resumable-stream");
  const [publisher, subscriber] = [await openRedis(), await openRedis()];
  const context = createResumableStreamContext({ waitUntil: null, publisher, subscriber });
  const texts = () => {
    const source = tokens();
    return new ReadableStream({
      async pull(controller) {
        const { value } = await source.next();
        controller.enqueue(`data: ${dataOf(value)}\n\n`);
      },
    });
  };
  return async (request, response) => {
    const [, id, action] = request.url.split("/");
    const stream =
      action === "resume" ? await context.resumeExistingStream(id) : await context.resumableStream(id, texts);
    if (!stream) return response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    for await (const text of stream) response.write(text);
    response.end();
  };
}

const server = createServer(await handler());
server.listen(0, "127.0.0.1", 4096, () => process.send({ port: server.address().port }));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system });
});
// resumable-stream throws where nobody can catch it, when another process does not acknowledge in time.
process.on("uncaughtException", (error) => {
  if (kind !== "resumable-stream") throw error;
});
process.on("disconnect", () => process.exit());
