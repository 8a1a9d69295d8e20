/**
 * Answers over one Redis, or one LMDB environment, by three processes that are killed at random, read by clients that are cut off at random. Every
 * reader ends with the exact text and the verdict "complete", or with a verdict that says it is not.
 */
import { countFaults } from "../../test/answers/programs/killed-workers.mjs";
import { openFolder, startRedis, tableOf } from "./processes.mjs";

export async function measureFaults(given) {
  const answers = given || 2_000;
  const rows = [];
  for (const engine of ["Redis", "LMDB"]) {
    const redis = engine === "Redis" ? await startRedis() : undefined;
    const folder = openFolder();
    const counts = await countFaults(redis?.url ?? folder.path, { answers });
    await redis?.stop();
    folder.remove();
    rows.push([
      engine,
      ...["complete", "failed", "wrong", "deaths", "cuts"].map((name) => counts[name].toLocaleString("en")),
    ]);
    if (counts.wrong === 0) continue;
    process.stdout.write(`${counts.examples.join("\n")}\n`);
    process.exitCode = 1;
  }
  return {
    title: "Faults",
    text:
      `${answers.toLocaleString("en")} answers of 100 tokens, while their three processes are killed at random and their readers cut off at random. Each ` +
      "reader has the exact text and the verdict `complete`, or a verdict that says it is not.",
    table: tableOf(
      ["log", "complete", "told that it is not", "wrong", "processes killed", "readers cut off"],
      rows,
    ),
  };
}
