/** The hub whose event loop is watched: it holds many topics, and says how long its longest turn was. */
import { existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { memoryLog } from "tidings/log";
import { lmdbLog } from "tidings/log/lmdb";
import { createHub } from "tidings/server";

const [kind, topics, each] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const path = kind === "lmdb" ? mkdtempSync(join(tmpdir(), "tidings-stalls-")) : undefined;
const log =
  path === undefined
    ? memoryLog()
    : lmdbLog(open({ path, overlappingSync: false, eventTurnBatching: false }), { pollMs: false });
const hub = createHub({ log, retention: { messages: topics * each - topics / 2 } });

/** Messages of all topics, as many as are retained: what was published before is of no account. */
async function fill() {
  for (let n = 0; n < each; n += 1) {
    for (let i = 0; i < topics; i += 1_000) {
      const batch = Array.from({ length: Math.min(1_000, topics - i) }, (_, j) => {
        return { topic: `shop/${i + j}/price`, data: `{"n":${n},"price":12.5}` };
      });
      await hub.publish(batch);
    }
  }
}
await fill();

const server = createServer((request, response) => {
  const query = new URL(request.url, "http://localhost").searchParams;
  const patterns = query.getAll("pattern").map((pattern) => ({ pattern }));
  void hub.subscribe(request, response, { topics: [...query.getAll("topic"), ...patterns] });
});
server.listen(0, "127.0.0.1", () =>
  process.send({ port: server.address().port, epoch: hub.stats().cursor.split(".")[0] }),
);

let watching = false;
let longestMs = 0;
let longestCpuMs = 0;

/** Nanoseconds that this thread had of a processor, from Linux; without the threads that compile and collect garbage. */
const schedule = existsSync("/proc/self/schedstat") ? openSync("/proc/self/schedstat") : undefined;
const bytes = Buffer.alloc(64);

function cpuMs() {
  // Asking for it has the kernel bring its account up to date, which it does else at a tick of its clock, each 4 ms.
  const { user } = process.cpuUsage();
  if (schedule === undefined) return user / 1_000;
  return Number.parseInt(bytes.toString("latin1", 0, readSync(schedule, bytes, 0, 64, 0))) / 1e6;
}

function watch(ms, cpu) {
  if (!watching) return;
  longestMs = Math.max(longestMs, performance.now() - ms);
  longestCpuMs = Math.max(longestCpuMs, cpuMs() - cpu);
  setImmediate(watch, performance.now(), cpuMs());
}

process.on("message", (message) => void take(message));

async function take(message) {
  if (message === "begin") {
    global.gc();
    [watching, longestMs, longestCpuMs] = [true, 0, 0];
    setImmediate(watch, performance.now(), cpuMs());
    process.send({ head: Number(hub.stats().cursor.split(".")[1]) });
  } else if (message === "fill") {
    await fill();
    process.send({});
  } else if (message === "publish") {
    const draft = (_, i) => ({ topic: `shop/${i}/price`, data: "new" });
    await hub.publish(Array.from({ length: 1_000 }, draft));
    process.send({});
  } else if (message === "end") {
    watching = false;
    process.send({ longestMs, longestCpuMs });
  }
}
process.on("disconnect", () => {
  if (path !== undefined) rmSync(path, { recursive: true, force: true });
  process.exit(0);
});
