/**
 * What is measured in one runtime: the parser, in a process that has parsed everything else and each cell in a process of its
 * own; the encoders; the streams.
 */
import { FORMS, KINDS, LENGTHS, REAL_NAMES, SIZES, cells } from "./cells.mjs";
import { CALLS, SHAPES } from "./encoding.mjs";
import { drawHeatMap } from "./heat-map.mjs";
import { RUNTIMES, openRuntime } from "./runtimes.mjs";

/** For less time; and where each cell is a process. */
const FEWER_LENGTHS = [4, 24, 63, 270, 4096];

/** What is wanted of a runtime's parser: the median of all cells. */
const MEDIANS = { node20: 1.6, node22: 1.4, node24: 1.2, node26: 1.12, chromium: 1.2 };
/** What is wanted of each cell. */
const PARSING = 0.95;
const ENCODING = 1.8;
const FACES = { readMessages: 3, readBatches: 2.5, MessageStream: 1.5 };

/** By name; what is measured of each runtime, and stands in a section of its own. */
const PARTS = { sweep: parser, encode: encoders, streams };
export const SWEEP_NAMES = Object.keys(PARTS);

/**
 * @param {string} part
 * @param {string} name - The runtime's.
 * @param {{ rounds: number, isQuick: boolean, isFresh: boolean }} options
 * @returns {Promise<{ lines: string[], figures: object[], images: Record<string, string> }>}
 */
export async function sweepIn(part, name, options) {
  const runtime = await openRuntime(name);
  const { title } = RUNTIMES[name];
  if (runtime === undefined)
    return { lines: [`### ${title}`, "", "Not on this machine: not measured."], figures: [], images: {} };
  try {
    return await PARTS[part]({
      name,
      title: `${title.split(" ")[0]} ${runtime.version}`,
      runtime,
      ...options,
    });
  } finally {
    await runtime.close();
  }
}

async function parser({ name, title, runtime, rounds, isQuick, isFresh }) {
  const plan = { what: "parse", rounds, roundMs: runtime.roundMs, warmMs: 0 };
  const lengths = isQuick ? FEWER_LENGTHS : LENGTHS;
  const results = await runtime.measure({ ...plan, lengths }, showOf(`${title}, parser`));
  const fresh = isFresh ? await measureFresh(runtime, plan, title) : [];
  const image = `images/wire-${name}.svg`;
  const rows = [
    ["parsed everything before", results],
    ["a fresh one for each cell", fresh],
  ].filter(([, cells]) => cells.length > 0);
  const worst = below(results, (cell) => leastWanted(name, cell));
  return {
    lines: [
      `### ${title}`,
      "",
      `![How many times as fast as the better eventsource-parser, by length of data](${image})`,
      "",
      "| process | cells | median | below 0.95 | least |",
      "|---|--:|--:|--:|--:|",
      ...rows.map(([process, cells]) => `| ${process} | ${summary(cells, PARSING)} |`),
      "",
      "| cells, in a process that parsed everything before | cells | median | below 0.95 | least |",
      "|---|--:|--:|--:|--:|",
      ...Object.entries(classesOf(results)).map(
        ([what, cells]) => `| ${what} | ${summary(cells, PARSING)} |`,
      ),
      "",
      shown(worst),
    ],
    figures: [
      ...(name in MEDIANS
        ? [
            {
              what: `${title}, median of all cells`,
              wanted: { atLeast: MEDIANS[name] },
              got: medianOf(results),
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
      [image]: drawHeatMap(
        `${title}: how many times as fast as the better eventsource-parser`,
        parserTables(results),
        PARSING,
      ),
      ...(fresh.length > 0 && {
        [`images/wire-${name}-fresh.svg`]: drawHeatMap(
          `${title}, a fresh process for each cell: how many times as fast as the better eventsource-parser`,
          parserTables(fresh),
          PARSING,
        ),
      }),
    },
  };
}

async function measureFresh(runtime, plan, title) {
  const show = showOf(`${title}, parser, a fresh process for each cell`);
  const lengths = FEWER_LENGTHS;
  const { length } = cells(lengths);
  const results = [];
  for (let one = 0; one < length; one++) {
    show(`progress ${one}/${length}`);
    const rounds = Math.min(plan.rounds, 9);
    results.push(...(await runtime.measure({ ...plan, lengths, rounds, warmMs: 30, one })));
  }
  return results;
}

async function encoders({ name, title, runtime, rounds, isQuick }) {
  const results = await runtime.measure(
    {
      what: "encode",
      lengths: isQuick ? FEWER_LENGTHS : LENGTHS,
      rounds,
      roundMs: runtime.roundMs,
      warmMs: 0,
    },
    showOf(`${title}, encoders`),
  );
  const image = `images/wire-encode-${name}.svg`;
  const worst = below(results, () => ENCODING);
  return {
    lines: [
      `#### Encoders in ${title}`,
      "",
      `![How many times as fast as the better of eventsource-encoder and better-sse, by length of data](${image})`,
      "",
      "| call | cells | median | below 1.8 | least |",
      "|---|--:|--:|--:|--:|",
      ...CALLS.map((call) => {
        const cells = results.filter(({ form }) => form === call);
        return `| \`${call}\` | ${summary(cells, ENCODING)} |`;
      }),
      "",
      shown(worst),
    ],
    figures: [
      {
        what: `${title}, cells below 1.8`,
        wanted: { atMost: 0, unit: "cells" },
        got: worst.length,
      },
    ],
    images: {
      [image]: drawHeatMap(
        `${title}: how many times as fast as the better of eventsource-encoder and better-sse`,
        encoderTables(results),
        ENCODING,
      ),
    },
  };
}

async function streams({ title, runtime, rounds }) {
  const results = await runtime.measure(
    { what: "streams", rounds, roundMs: 4 * runtime.roundMs, warmMs: 0 },
    showOf(`${title}, streams`),
  );
  const names = Object.keys(FACES);
  const cells = new Map();
  for (const cell of results) {
    const key = `${cell.kind === "real" ? cell.column : `${cell.kind}, ${cell.column}`} | ${cell.size}`;
    cells.set(key, { ...cells.get(key), [cell.form]: cell.ratio.toFixed(2) });
  }
  return {
    lines: [
      `#### Streams in ${title}`,
      "",
      `| messages | chunks in bytes | ${names.map((name) => `\`${name}\``).join(" | ")} |`,
      `|---|--:|${names.map(() => "--:|").join("")}`,
      ...[...cells].map(([key, ratios]) => `| ${key} | ${names.map((name) => ratios[name]).join(" | ")} |`),
    ],
    figures: names.map((face) => ({
      what: `${title}, ${face}, the least of all`,
      wanted: { atLeast: FACES[face] },
      got: Math.min(...results.filter(({ form }) => form === face).map(({ ratio }) => ratio)),
    })),
    images: {},
  };
}

/** Small fields out of large chunks of text are copied where the peers keep the whole chunk alive, and that shows. */
function leastWanted(name, { form, size, kind, column }) {
  const isNew = name === "node24" || name === "node26" || name === "chromium";
  return isNew && form === "strings" && size === 65_536 && kind !== "real" && Number(column) < 64
    ? 0.88
    : PARSING;
}

function below(results, wantedOf) {
  return results.filter((cell) => cell.ratio < wantedOf(cell)).sort((a, b) => a.ratio - b.ratio);
}

function shown(worst) {
  if (worst.length === 0) return "No cell is below what is wanted.";
  const names = worst.slice(0, 24).map((cell) => `${cell.name} (${cell.ratio.toFixed(2)})`);
  return `Below what is wanted: ${names.join(" · ")}${worst.length > 24 ? ` · and ${worst.length - 24} more` : ""}.`;
}

/** Cells that have their reasons in common. */
function classesOf(results) {
  const classes = {};
  for (const form of FORMS) {
    const ofForm = results.filter((cell) => cell.form === form);
    for (const kind of KINDS) {
      const ofKind = ofForm.filter((cell) => cell.kind === kind);
      classes[`${kind}, ${form}, below 64 characters`] = ofKind.filter(({ column }) => Number(column) < 64);
      classes[`${kind}, ${form}, 64 characters and more`] = ofKind.filter(
        ({ column }) => Number(column) >= 64,
      );
    }
    classes[`real streams, ${form}`] = ofForm.filter(({ kind }) => kind === "real");
  }
  return classes;
}

function medianOf(results) {
  const ratios = results.map(({ ratio }) => ratio).sort((a, b) => a - b);
  return ratios[ratios.length >> 1];
}

function summary(results, wanted) {
  const least = Math.min(...results.map(({ ratio }) => ratio));
  const lower = results.filter(({ ratio }) => ratio < wanted).length;
  return `${results.length} | ${medianOf(results).toFixed(2)} × | ${lower} | ${least.toFixed(2)} ×`;
}

function parserTables(results) {
  const ratios = ratiosBy(results, ({ kind, form, size, column }) => [kind, form, size, column]);
  const lengths = lengthsOf(results);
  const byForm = FORMS.flatMap((form) => SIZES.map((size) => ({ form, size })));
  return [
    {
      columns: lengths,
      rows: KINDS.flatMap((kind) =>
        byForm.map(({ form, size }) => ({
          name: `${kind}, ${form}, ${size}`,
          ratios: lengths.map((length) => ratios(kind, form, size, length)),
        })),
      ),
    },
    {
      columns: byForm.map(({ form, size }) => `${form} ${size}`),
      rows: REAL_NAMES.map((name) => ({
        name,
        ratios: byForm.map(({ form, size }) => ratios("real", form, size, name)),
      })),
      widths: 2,
    },
  ];
}

function encoderTables(results) {
  const ratios = ratiosBy(results, ({ kind, shape, form, column }) => [kind, shape, form, column]);
  const lengths = lengthsOf(results);
  return [
    {
      columns: lengths,
      rows: CALLS.flatMap((call) =>
        Object.keys(SHAPES).flatMap((shape) =>
          KINDS.map((kind) => ({
            name: `${call}, ${shape}, ${kind}`,
            ratios: lengths.map((length) => ratios(kind, shape, call, length)),
          })),
        ),
      ),
    },
  ];
}

function lengthsOf(results) {
  const columns = results.filter(({ kind }) => kind !== "real").map(({ column }) => column);
  return [...new Set(columns)].sort((a, b) => Number(a) - Number(b));
}

function ratiosBy(results, partsOf) {
  const ratios = new Map(results.map((cell) => [partsOf(cell).join(), cell.ratio]));
  return (...parts) => ratios.get(parts.join());
}

/** How far it is, on the line of a terminal that it stands on; elsewhere, each tenth. */
function showOf(what) {
  let tenth = -1;
  return (line) => {
    const [done, all] = line.match(/\d+/g).map(Number);
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${what}: ${done} of ${all}`);
    else if (Math.floor((10 * done) / all) > tenth) {
      tenth = Math.floor((10 * done) / all);
      process.stderr.write(`${what}: ${done} of ${all}\n`);
    }
  };
}
