/** The first byte of a resume in another process than the one that produces the answer. */
import { openFolder, quantile, read, sleep, startRedis, startServer, tableOf } from "./processes.mjs";

/** Each is resumed once, so that the other process has never heard of it. */
const ANSWERS = 400;
const PRODUCED_MS = 4_000;

export async function measureResume(given) {
  const answers = given || ANSWERS;
  const redis = await startRedis();
  const folder = openFolder();
  const rows = [];
  for (const kind of ["redis", "lmdb", "resumable-stream"]) {
    const times = await measure(kind, answers, { REDIS: redis.url, LMDB: folder.path });
    rows.push([kind, ...[0.5, 0.9, 0.99].map((share) => quantile(times, share))]);
  }
  await redis.stop();
  folder.remove();
  const peer = rows.at(-1);
  const names = { redis: "answers over Redis", lmdb: "answers over LMDB" };
  return {
    title: "First byte of a resume in another process",
    text:
      `${answers} answers under way at 50 tokens a second in one process, ${PRODUCED_MS / 1_000} seconds old. Each is resumed once, in another process, ` +
      "one after the other. Milliseconds from the request to the first message.",
    table: tableOf(
      ["server", "p50", "p90", "p99", "p50 beside resumable-stream"],
      rows.map(([kind, p50, p90, p99]) => [
        names[kind] ?? "`resumable-stream` over Redis",
        ...[p50, p90, p99].map((ms) => ms.toFixed(1)),
        `${(p50 / peer[1]).toFixed(2)} ×`,
      ]),
    ),
  };
}

async function measure(kind, answers, settings) {
  const [one, two] = [await startServer(kind, settings), await startServer(kind, settings)];
  const counts = { messages: 0 };
  for (let n = 0; n < answers; n += 1) await read(`${one.url}/${kind}-resumed-${n}`, counts);
  await sleep(PRODUCED_MS);
  const times = [];
  for (let n = 0; n < answers; n += 1) {
    const startedMs = performance.now();
    try {
      const leave = await read(`${two.url}/${kind}-resumed-${n}/resume`, counts);
      times.push(performance.now() - startedMs);
      leave();
    } catch {
      // It never came: counted with the longest that was waited.
      times.push(performance.now() - startedMs);
    }
    await sleep(5);
  }
  await one.stop();
  await two.stop();
  return times;
}
