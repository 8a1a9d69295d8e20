/** What a delivery costs two processes that share a log, beside one process with all streams: CPU of the processes with streams. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { CLIENTS, paced, startRedis } from "./engines.mjs";

const STREAMS = 400;
const ROUNDS = 7;
const SECONDS = 3;
const PER_SECOND = 100;
const WARM_PER_SECOND = 400;
const FILLER = "x".repeat(200);

async function openLog({ kind, path, port, name }) {
  if (kind === "redis") {
    const client = await CLIENTS["node-redis"](port);
    client.on("error", () => undefined);
    return { log: redisLog(client, { name }), close: () => client.destroy() };
  }
  const env = open({ path: join(path, name), overlappingSync: false, eventTurnBatching: false });
  return { log: lmdbLog(env), close: () => env.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { log } = await openLog(JSON.parse(process.argv[2]));
  const hub = createHub({ log });
  const server = createServer(
    (request, response) => void hub.subscribe(request, response, { topics: ["a"] }),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  let cpu = process.cpuUsage();
  process.on("message", () => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    process.send((user + system) / 1e6);
  });
  process.send(server.address().port);
}

export async function measureProcesses(print) {
  for (const kind of ["lmdb", "redis"]) {
    const path = mkdtempSync(join(tmpdir(), "tidings-bench-processes-"));
    const redis = kind === "redis" ? await startRedis() : undefined;
    const groups = [];
    for (const processes of [1, 2])
      groups.push(await startGroup({ kind, path, port: redis?.port, name: `of-${processes}` }, processes));
    for (const group of groups) await group.warm();
    const costs = groups.map(() => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [n, group] of groups.entries()) costs[n].push(await group.use());
    }
    const [one, two] = costs.map((all) => all.sort((a, b) => a - b)[ROUNDS >> 1]);
    print(
      `${kind}: CPU a delivery, ${STREAMS} streams, ${PER_SECOND} messages a second, medians of ${ROUNDS} rounds`,
      {
        "one process, µs": one * 1e6,
        "two processes, µs": two * 1e6,
        "two against one": two / one,
      },
    );
    for (const group of groups) await group.stop();
    await redis?.stop();
    rmSync(path, { recursive: true, force: true });
  }
}

/** So many processes with the streams among them, and a publisher here that has none. */
async function startGroup(options, processes) {
  const { log, close } = await openLog(options);
  const hub = createHub({ log });
  const children = [];
  const sockets = [];
  let messages = 0;
  for (let n = 0; n < processes; n += 1) {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)]);
    const [port] = await once(child, "message");
    children.push(child);
    for (let stream = 0; stream < STREAMS / processes; stream += 1) {
      const socket = connect(port, "127.0.0.1");
      socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      socket.on("error", () => undefined);
      await once(socket, "data");
      socket.on("data", (bytes) => (messages += bytes.toString("latin1").split("\nid: ").length - 1));
      sockets.push(socket);
    }
  }
  const spent = async () => {
    const all = await Promise.all(
      children.map((child) => {
        child.send("cpu");
        return once(child, "message");
      }),
    );
    return all.reduce((sum, [seconds]) => sum + seconds, 0);
  };
  return {
    /** Until the code is compiled, each process compiles it for itself. */
    warm: () => paced(WARM_PER_SECOND, 8, () => void hub.publish("a", { data: FILLER })),
    /** @returns Seconds of CPU for each delivery. */
    async use() {
      // What the clients do would take turns with two processes on two cores, and not with one: they read afterwards.
      for (const socket of sockets) socket.pause();
      await spent();
      const before = messages;
      await paced(PER_SECOND, SECONDS, () => void hub.publish("a", { data: FILLER }));
      await setTimeout(300);
      const seconds = await spent();
      for (const socket of sockets) socket.resume();
      await setTimeout(1_000);
      const expected = PER_SECOND * SECONDS * STREAMS;
      if (messages - before !== expected)
        throw new Error(`${messages - before} messages came, expected ${expected}`);
      return seconds / expected;
    },
    async stop() {
      for (const child of children) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await hub.drain({ overMs: 0, graceMs: 1 });
      await close();
    },
  };
}
