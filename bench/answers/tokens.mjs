/** CPU of a token: many answers under way at 50 tokens a second, 1.2 readers each. */
import { read, sleep, startRedis, startServer, tableOf } from "./processes.mjs";

const READERS = 1.2;
const WARM_MS = 3_000;
const MEASURED_MS = 5_000;
/** Turn about, as the machine is not the same from one second to the next. */
const ROUNDS = 3;

export async function measureTokens(given) {
  const answers = given || 1_000;
  const redis = await startRedis();
  const found = { bare: [], memory: [], redis: [], "resumable-stream": [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of Object.keys(found)) {
      found[kind].push(await measure(kind, answers, redis.url, round));
    }
  }
  await redis.stop();
  const us = (kind) => middle(found[kind].map(({ usPerToken }) => usPerToken));
  const rate = (kind) => middle(found[kind].map(({ perSecond }) => perSecond));
  const names = {
    bare: "`openStream`, a generator for each reader",
    memory: "answers in memory",
    redis: "answers over Redis",
    "resumable-stream": "`resumable-stream` over Redis",
  };
  const rows = Object.entries(names).map(([kind, name]) => [
    name,
    us(kind).toFixed(1),
    `${(us(kind) / us("bare")).toFixed(2)} ×`,
    `${(us(kind) / us("resumable-stream")).toFixed(2)} ×`,
    Math.round(rate(kind)).toLocaleString("en"),
  ]);
  const asked = (answers * READERS * 50).toLocaleString("en");
  return {
    title: "CPU of a token",
    text:
      `${answers.toLocaleString("en")} answers under way, 50 tokens a second and ${READERS} readers each: ${asked} tokens a second are to be ` +
      `delivered. The CPU is that of the server's process, without Redis and readers, by delivered token: the middle of ${ROUNDS} rounds.`,
    table: tableOf(["server", "µs a token", "bare = 1", "resumable-stream = 1", "tokens a second"], rows),
  };
}

async function measure(kind, answers, redisUrl, round) {
  const server = await startServer(kind, { REDIS: redisUrl });
  const counts = { messages: 0 };
  const streams = [];
  for (let n = 0; n < answers * READERS; n += 1) {
    streams.push(read(`${server.url}/${kind}-${round}-${n % answers}`, counts));
    if (n % 50 === 0) await sleep(10);
  }
  // Those that get nothing are left out: what counts is what is delivered.
  const opened = await Promise.allSettled(streams);
  const leave = opened.map(({ value }) => value ?? (() => undefined));
  await sleep(WARM_MS);
  const [cpuBefore, before, startedMs] = [await server.cpuUs(), counts.messages, performance.now()];
  await sleep(MEASURED_MS);
  const [cpuUs, delivered] = [(await server.cpuUs()) - cpuBefore, counts.messages - before];
  const perSecond = (delivered / (performance.now() - startedMs)) * 1_000;
  for (const one of leave) one();
  await server.stop();
  return { usPerToken: cpuUs / delivered, perSecond };
}

function middle(values) {
  return [...values].sort((one, other) => one - other)[values.length >> 1];
}
