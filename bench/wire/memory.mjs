/** What stays in memory of large chunks when small fields out of them are stored. In a process of its own. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const FIELDS = 100_000;

export async function memory() {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", fileURLToPath(import.meta.url)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`Cannot measure memory: ${stderr}`);
  const { tidings, slices } = JSON.parse(stdout);
  return {
    lines: [
      "### Memory of stored fields",
      "",
      `${FIELDS} fields of 40 characters, stored out of chunks of 64 KiB, 40 of them a chunk: bytes of heap a field.`,
      "",
      "| | bytes a field |",
      "|---|---|",
      `| tidings | ${tidings.toFixed(0)} |`,
      `| slices of the chunk, for comparison | ${slices.toFixed(0)} |`,
    ],
    figures: [
      { what: "heap a stored field of 40 characters", wanted: { atMost: 150, unit: "bytes" }, got: tidings },
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { createParser } = await import("../../packages/tidings/dist/node/index.js");
  const message = `data: ${"small field of forty characters in all..".slice(0, 40)}\n\n`;
  const chunk = Buffer.from(message.repeat(40) + `: ${"x".repeat(62_000)}\n`);
  const heap = () => {
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  const perField = (run) => {
    const kept = [];
    const before = heap();
    run(kept);
    const each = (heap() - before) / kept.length;
    if (kept.length !== FIELDS) throw new Error(`${kept.length} fields`);
    return each;
  };
  const slices = perField((kept) => {
    for (let n = 0; n < FIELDS / 40; n++) {
      const text = Buffer.from(chunk).toString("latin1");
      for (let at = 0; at < 40; at++)
        kept.push(text.slice(at * message.length + 6, (at + 1) * message.length - 2));
    }
  });
  const tidings = perField((kept) => {
    const parser = createParser({ onMessage: ({ data }) => kept.push(data) });
    for (let n = 0; n < FIELDS / 40; n++) parser.push(Buffer.from(chunk));
  });
  process.stdout.write(JSON.stringify({ tidings, slices }));
}
