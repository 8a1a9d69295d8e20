/** Memory: of a finished answer, and of a process that serves many answers one after the other. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { tableOf } from "./processes.mjs";

export async function measureMemory(given) {
  const answers = given || 100_000;
  const child = fork(new URL("many-answers.mjs", import.meta.url), [`${answers}`], {
    execArgv: ["--expose-gc"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const [{ finished, samples, seconds }] = await once(child, "message");
  const rows = samples.map(({ answers, usedMiB, rssMiB }) => [
    answers.toLocaleString("en"),
    usedMiB.toFixed(1),
    rssMiB.toFixed(0),
  ]);
  return {
    title: "Memory",
    text:
      `A finished answer of 2,000 tokens has ${Math.round(finished.bytes / 1024)} KiB and costs ${(finished.used / finished.bytes).toFixed(2)} × its bytes. ` +
      `${answers.toLocaleString("en")} answers of 200 tokens, 1.2 readers each, through one process with the default limits (1,000 answers are kept). ` +
      `An hour is made short: nothing waits between tokens, so they take ${seconds.toFixed(0)} seconds, and requests are those of the Fetch standard, without ` +
      "a network. After each tenth, with collected garbage, MiB:",
    table: tableOf(["answers so far", "heap and buffers", "resident"], rows),
  };
}
