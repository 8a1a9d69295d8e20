/** Writes docs/performance-answers.md. */
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";

export function writeReport(sections) {
  const [load] = loadavg();
  const busy =
    load > cpus().length / 2
      ? ` Other programs ran meanwhile (a load of ${load.toFixed(0)}): only the ratios mean anything.`
      : "";
  const text = [
    "# Figures: answers",
    "",
    "Written by `npm run bench answers -- --write`: [answers](answers.md) beside a bare `openStream`, and beside `resumable-stream` over the same",
    "Redis, in one run.",
    "",
    `Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim()}).${busy}`,
    "",
    ...sections.flatMap(({ title, text, table }) => [`## ${title}`, "", text, "", table, ""]),
  ];
  writeFileSync(
    new URL("../../docs/performance-answers.md", import.meta.url),
    `${text.join("\n").trimEnd()}\n`,
  );
}
