/** The first byte of a resume in another process than the one that produces the answer. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { openFolder, quantile, read, sleep, startRedis, startServer, tableOf } from "./processes.mjs";

/** Each is resumed once, so that the other process has never heard of it. */
const LOADS = [
  { answers: 40, readers: 0 },
  { answers: 1_000, readers: 1.2 },
];
const MOST_RESUMES = 200;
const PRODUCED_MS = 4_000;
const NAMES = {
  redis: "answers over Redis",
  lmdb: "answers over LMDB",
  "resumable-stream": "`resumable-stream` over Redis",
};

export async function measureResume(given) {
  const rows = [];
  for (const { answers, readers } of LOADS) {
    const load = { answers: Math.min(answers, given || Infinity), readers };
    const found = [];
    for (const kind of Object.keys(NAMES)) {
      const redis = await startRedis();
      const folder = openFolder();
      const times = await measure(kind, load, { REDIS: redis.url, LMDB: folder.path });
      await redis.stop();
      folder.remove();
      found.push([kind, ...[0.5, 0.9, 0.99].map((share) => quantile(times, share))]);
    }
    const peer = found.at(-1);
    for (const [kind, p50, p90, p99] of found) {
      rows.push([
        `${NAMES[kind]}, ${load.answers.toLocaleString("en")} answers`,
        ...[p50, p90, p99].map((ms) => ms.toFixed(1)),
        `${(p50 / peer[1]).toFixed(2)} ×`,
      ]);
    }
  }
  return {
    title: "First byte of a resume in another process",
    text:
      `Answers under way at 50 tokens a second in one process, ${PRODUCED_MS / 1_000} seconds old: ${LOADS[0].answers} that nobody reads, and ` +
      `${LOADS[1].answers.toLocaleString("en")} with ${LOADS[1].readers} readers each. Up to ${MOST_RESUMES} of them are resumed once, in another process, one after ` +
      "the other, by a process that does nothing else. Milliseconds from the request, over an open connection, to the first message.",
    table: tableOf(["server", "p50", "p90", "p99", "p50 beside resumable-stream"], rows),
  };
}

async function measure(kind, { answers, readers }, settings) {
  const [one, two] = [await startServer(kind, settings), await startServer(kind, settings)];
  const counts = { messages: 0 };
  const started = [];
  for (let n = 0; n < answers * Math.max(1, readers); n += 1) {
    const opened = read(`${one.url}/${kind}-resumed-${n % answers}`, counts);
    // One that is only started goes on without its reader.
    started.push(readers === 0 ? opened.then((leave) => leave()) : opened);
    if (n % 20 === 0) await sleep(10);
  }
  await Promise.allSettled(started);
  await sleep(PRODUCED_MS);
  const resumer = fork(new URL("resumer.mjs", import.meta.url));
  const many = Math.min(answers, MOST_RESUMES);
  resumer.send(Array.from({ length: many }, (_, n) => `${two.url}/${kind}-resumed-${n}/resume`));
  const [times] = await once(resumer, "message");
  resumer.disconnect();
  await one.stop();
  await two.stop();
  return times;
}
