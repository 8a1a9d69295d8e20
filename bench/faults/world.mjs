/**
 * A hub over a log on disk, subscribers on real connections, half of them through the acceptor, and what happens to them:
 * connections are cut, reset and half closed, readers stall, peers vanish without a word, subscribers are revoked, the server is
 * killed, and drains and comes back. What happens, to whom and when (in deliveries) follows from the seed; how far each process
 * has come by then is the machine's.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "tidings/test";
import { HeapSamples } from "./heap-samples.mjs";
import { Model } from "./model.mjs";
import { Publisher } from "./publisher.mjs";
import { Reader } from "./reader.mjs";

const SELECTIONS = [
  { query: "topic=t/0", wants: (topic) => topic === "t/0" },
  { query: "topic=t/0&topic=t/1", wants: (topic) => topic === "t/0" || topic === "t/1" },
  { query: "pattern=t/:n", wants: () => true },
  { query: "pattern=t/*&topic=t/2", wants: () => true },
  { query: "pattern=:a/3&pattern=*1", wants: (topic) => topic === "t/1" || topic === "t/3" },
];

/** Messages that the log retains: who is away for longer has a gap. */
const RETAINED = 10_000;
/** Deliveries between two faults of readers, on average. */
const BETWEEN_FAULTS = 1_000;
/** The share of the run in which the server is killed and drained. Behind it, one process has to live, and to stay small. */
const RESTARTED = 0.6;
/**
 * What the run may take longer, until all readers have returned to the last process and its memory can be judged. One that fell behind
 * returns when it has read what its connection still held.
 */
const LONGEST_RETURN_MS = 120_000;

/**
 * @param options - `{ deliveries, seed, readers, onProgress }`
 * @returns What happened, and what went wrong.
 */
export async function run({ deliveries, seed, readers: count = 200, onProgress = () => undefined }) {
  const random = createRandom(seed);
  const path = mkdtempSync(join(tmpdir(), "tidings-faults-"));
  const model = new Model();
  const publisher = new Publisher(model, random);
  const happened = {
    cuts: 0,
    resets: 0,
    "half-closes": 0,
    stalls: 0,
    "half-open": 0,
    absences: 0,
    revokes: 0,
    kills: 0,
    drains: 0,
  };
  const heap = new HeapSamples();
  const world = {
    port: 0,
    life: 0,
    random: createRandom(seed + 1),
    problem: (text) => model.problem("other", text),
  };
  const startedMs = performance.now();
  let server;
  let restarting = false;

  const start = async () => {
    server = fork(new URL("server.mjs", import.meta.url), [path, String(world.port), String(RETAINED)], {
      execArgv: ["--expose-gc"],
    });
    const own = server;
    const [{ port }] = await Promise.race([
      once(own, "message"),
      once(own, "exit").then(([code]) => Promise.reject(new Error(`The server ended with ${code}`))),
    ]);
    world.port = port;
    world.life += 1;
    heap.attach(own);
    own.on("message", (message) => {
      if (message.key !== undefined) publisher.answer(message);
      if (message.sample !== undefined) heap.add(model.deliveries, message.sample);
      if (message.unhandled !== undefined) model.problem("unhandled", message.unhandled);
      if (message.reported !== undefined) model.problem("other", `reported: ${message.reported}`);
    });
    publisher.attach((batch) => own.connected && own.send(batch, () => undefined));
  };
  const restart = async (signal) => {
    restarting = true;
    publisher.detach();
    const gone = once(server, "exit");
    server.kill(signal);
    await gone;
    await start();
    restarting = false;
  };

  await start();
  const readers = Array.from({ length: count }, (_, i) => {
    const { query, wants } = SELECTIONS[i % SELECTIONS.length];
    const path = Math.floor(i / 5) % 2 === 0 ? "/accepted" : "/";
    const onGap = Math.floor(i / 10) % 2 === 0 ? "live" : "earliest";
    const slow = i % 3 === 2 ? "&slow" : "";
    const subscriber = model.subscriber(`reader ${i}`, wants);
    return new Reader(world, subscriber, {
      path: `${path}?${query}&onGap=${onGap}&reader=${i}${slow}`,
      name: String(i),
      gzip: i % 9 === 8,
      keepAlive: i % 4 === 1,
    });
  });
  await until(() => readers.every(({ opened }) => opened), "all readers to be let in");

  const faults = [
    [40, "cuts", (reader) => reader.cut()],
    [20, "resets", (reader) => reader.reset()],
    [10, "half-closes", (reader) => reader.halfClose()],
    [25, "stalls", (reader) => reader.stall(random() * 3_000)],
    [10, "half-open", (reader) => reader.halfOpen()],
    [10, "revokes", (reader) => server.connected && server.send({ revoke: reader.name }, () => undefined)],
    [4, "absences", (reader) => reader.cut(random() * 8_000)],
  ];
  const everySample = deliveries / 40;
  let nextSample = everySample;
  const everyServerFault = Math.max(deliveries / 20, 15_000);
  let nextServerFault = everyServerFault / 2;
  let nextFault = 0;
  let failure;
  let giveUpMs = Infinity;
  while (model.deliveries < deliveries || !heap.isEnough) {
    if (model.deliveries >= deliveries && giveUpMs === Infinity)
      giveUpMs = performance.now() + LONGEST_RETURN_MS;
    if (performance.now() > giveUpMs) {
      const away = readers.filter(({ hasReturned }) => !hasReturned).length;
      throw new Error(`Cannot judge the memory: ${away} readers have not returned to the last process`);
    }
    if (failure !== undefined) throw failure;
    // Slow enough for the readers of this process, or all of them would be away for good.
    for (let i = 0; i < 4 && publisher.published * 0.5 * count < model.deliveries + 400_000; i += 1) {
      publisher.publish();
    }
    while (model.deliveries >= nextFault) {
      nextFault += 2 * BETWEEN_FAULTS * random();
      const reader = readers[Math.floor(random() * count)];
      const [, name, befall] = pick(faults, random());
      happened[name] += 1;
      befall(reader);
    }
    if (model.deliveries >= nextSample) {
      nextSample += everySample;
      if (readers.every(({ hasReturned }) => hasReturned)) heap.returned();
      heap.ask();
    }
    const mayRestart = !restarting && model.deliveries < deliveries * RESTARTED;
    if (mayRestart && model.deliveries >= nextServerFault) {
      nextServerFault += everyServerFault * (0.5 + random());
      const kill = happened.kills === 0 || random() < 0.7;
      happened[kill ? "kills" : "drains"] += 1;
      restart(kill ? "SIGKILL" : "SIGTERM").catch((error) => (failure = error));
    }
    onProgress({ deliveries: model.deliveries, accepted: model.accepted, happened });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }

  // The weather clears: everybody returns and reads to the end.
  await until(() => !restarting && publisher.underWay === 0, "the last messages to be accepted");
  for (const reader of readers) reader.cut();
  const newest = new Map(readers.map(({ subscriber }) => [subscriber, model.newestFor(subscriber)]));
  await caughtUp(readers, newest);
  const seconds = (performance.now() - startedMs) / 1_000;
  const verdict = model.judge();
  const gaps = readers.reduce((sum, { subscriber }) => sum + subscriber.gaps, 0);
  for (const reader of readers) reader.stop();
  const isEmpty = async () => {
    const { streams, accepted } = await heap.next();
    return streams === 0 && accepted === 0;
  };
  await until(isEmpty, "the streams of readers that have left to end");
  const gone = once(server, "exit");
  server.kill("SIGKILL");
  await gone;
  rmSync(path, { recursive: true, force: true });
  return {
    seed,
    readers: count,
    deliveries: model.deliveries,
    accepted: model.accepted,
    resent: publisher.resent,
    repeated: publisher.repeated,
    ...happened,
    gaps,
    seconds,
    heap: heap.ofLastProcess(),
    verdict,
  };
}

/** Waits for all readers, as long as any of them gets on: what is missing then is lost. */
async function caughtUp(readers, newest) {
  const left = () =>
    readers.reduce((sum, { subscriber }) => sum + Math.max(0, newest.get(subscriber) - subscriber.last), 0);
  for (let before = Infinity, patience = 0; patience < 300;) {
    const now = left();
    if (now === 0) return;
    patience = now < before ? 0 : patience + 1;
    before = Math.min(before, now);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function pick(weighted, at) {
  let left = at * weighted.reduce((sum, [weight]) => sum + weight, 0);
  return weighted.find(([weight]) => (left -= weight) < 0) ?? weighted[0];
}

async function until(condition, what, ms = 30_000) {
  for (const giveUp = performance.now() + ms; !(await condition());) {
    if (performance.now() > giveUp) throw new Error(`Waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
