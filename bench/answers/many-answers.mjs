/** A process that serves many answers, and says what memory it has. Its argument is how many. */
import { createAnswers } from "tidings/server";

const total = Number(process.argv[2]);
const dataOf = (n) => `{"type":"text-delta","id":"0","delta":" word${n % 1000}"}`;

function* tokens(length) {
  for (let n = 0; n < length; n += 1) yield { data: dataOf(n) };
}

async function drain(response) {
  const reader = response.body.getReader();
  while (!(await reader.read()).done);
}

async function serve(answers, id, length) {
  const responses = [await answers.resumable(new Request("http://localhost/"), id, () => tokens(length))];
  // Every fifth has a second reader.
  if (id % 5 === 0) responses.push(await answers.resumable(new Request("http://localhost/"), id, () => []));
  await Promise.all(responses.map(drain));
}

async function memory() {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => void setTimeout(resolve, 50));
    globalThis.gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, rss };
}

async function measureFinished() {
  const answers = createAnswers();
  for (let n = 0; n < 50; n += 1) await serve(answers, `warm-${n}`, 2_000);
  const before = await memory();
  for (let n = 0; n < 400; n += 1) await serve(answers, `${n}`, 2_000);
  const after = await memory();
  const { bytes } = await answers.state("0");
  await answers.close();
  return { bytes, used: (after.used - before.used) / 400 };
}

const finished = await measureFinished();
const answers = createAnswers();
const startedMs = performance.now();
const samples = [];
for (let n = 0; n < total; n += 50) {
  const ids = Array.from({ length: Math.min(50, total - n) }, (_, i) => `${n + i}`);
  await Promise.all(ids.map((id) => serve(answers, id, 200)));
  const tenth = Math.floor(((n + 50) * 10) / total);
  if (tenth <= samples.length) continue;
  const { used, rss } = await memory();
  samples.push({ answers: n + 50, usedMiB: used / 2 ** 20, rssMiB: rss / 2 ** 20 });
}
process.send({ finished, samples, seconds: (performance.now() - startedMs) / 1_000 }, () => process.exit());
