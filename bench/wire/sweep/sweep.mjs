/** The sweep in one runtime: in a process that has parsed everything else, and each cell in a process of its own. */
import { LENGTHS, cells } from "./cells.mjs";
import { drawHeatMap } from "./heat-map.mjs";
import { RUNTIMES, openRuntime } from "./runtimes.mjs";

/** Fewer, since each of their cells is a process. */
const FRESH_LENGTHS = [4, 13, 24, 63, 100, 270, 1024, 4096];

/** What is wanted of a runtime: the median of all cells. */
const WANTED = { node20: 1.6, node22: 1.4, node24: 1.2, node26: 1.12, chromium: 1.2 };

/**
 * @param {string} name
 * @param {{ rounds: number, isQuick: boolean, isFresh: boolean }} options
 * @returns {Promise<{ lines: string[], figures: object[], images: Record<string, string> }>}
 */
export async function sweepIn(name, { rounds, isQuick, isFresh }) {
  const { title } = RUNTIMES[name];
  const runtime = await openRuntime(name);
  if (runtime === undefined)
    return { lines: [`### ${title}`, "", "Not on this machine: not measured."], figures: [], images: {} };
  try {
    const lengths = isQuick ? FRESH_LENGTHS : LENGTHS;
    const plan = { lengths, rounds, roundMs: runtime.roundMs, warmMs: 0 };
    const results = await runtime.measure(plan);
    const fresh = !isFresh
      ? []
      : await measureFresh(runtime, {
          ...plan,
          lengths: FRESH_LENGTHS,
          rounds: Math.min(rounds, 9),
          warmMs: 30,
        });
    return report(name, `${title.split(" ")[0]} ${runtime.version}`, results, fresh);
  } finally {
    await runtime.close();
  }
}

async function measureFresh(runtime, plan) {
  const results = [];
  for (let one = 0; one < cells(plan.lengths).length; one++)
    results.push(...(await runtime.measure({ ...plan, one })));
  return results;
}

function report(name, title, results, fresh) {
  const wide = summary(results);
  const alone = fresh.length > 0 ? summary(fresh) : undefined;
  const worst = results
    .filter((cell) => cell.ratio < leastWanted(name, cell))
    .sort((a, b) => a.ratio - b.ratio);
  const image = `images/wire-${name}.svg`;
  return {
    lines: [
      `### ${title}`,
      "",
      `![How many times as fast as the better eventsource-parser, by length of data](${image})`,
      "",
      "| process | cells | median | below 0.95 | least |",
      "|---|--:|--:|--:|--:|",
      `| parsed everything before | ${wide.cells} | ${wide.median} × | ${wide.below} | ${wide.least} × |`,
      ...(alone === undefined
        ? []
        : [
            `| a fresh one for each cell | ${alone.cells} | ${alone.median} × | ${alone.below} | ${alone.least} × |`,
          ]),
      "",
      worst.length === 0
        ? "No cell is below what is wanted."
        : `Below what is wanted: ${worst
            .slice(0, 24)
            .map((cell) => `${cell.name} (${cell.ratio.toFixed(2)})`)
            .join(" · ")}${worst.length > 24 ? ` · and ${worst.length - 24} more` : ""}.`,
    ],
    figures: [
      ...(name in WANTED
        ? [
            {
              what: `${title}, median of all cells`,
              wanted: { atLeast: WANTED[name] },
              got: Number(wide.median),
            },
          ]
        : []),
      {
        what: `${title}, cells below what is wanted`,
        wanted: { atMost: 0, unit: "cells" },
        got: worst.length,
      },
    ],
    images: {
      [image]: drawHeatMap(title, results),
      ...(fresh.length > 0 && {
        [`images/wire-${name}-fresh.svg`]: drawHeatMap(`${title}, a fresh process for each cell`, fresh),
      }),
    },
  };
}

/** Small fields out of large chunks of text are copied where the peers keep the whole chunk alive, and that shows. */
function leastWanted(name, { form, size, kind, column }) {
  const isNew = name === "node24" || name === "node26" || name === "chromium";
  return isNew && form === "strings" && size === 65_536 && kind !== "real" && Number(column) < 64
    ? 0.88
    : 0.95;
}

function summary(results) {
  const ratios = results.map(({ ratio }) => ratio).sort((a, b) => a - b);
  return {
    cells: ratios.length,
    median: ratios[ratios.length >> 1].toFixed(2),
    below: ratios.filter((ratio) => ratio < 0.95).length,
    least: ratios[0].toFixed(2),
  };
}
