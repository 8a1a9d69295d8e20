/**
 * The program that a runtime runs, bundled with the package as that runtime imports it. Its plan comes as its last argument,
 * or, in a page, from `measured(plan)`.
 */
import { createParser as createParser3 } from "eventsource-parser-3";
import { createParser as createParser4 } from "eventsource-parser-4";
import * as tidings from "tidings";
import { KINDS, cells } from "./cells.mjs";
import { encodingCells, measureEncoding } from "./encoding.mjs";
import { contestants, measureCells } from "./measure.mjs";
import { measureStreams } from "./streams.mjs";

/** What can be measured. */
const MEASURES = { parse, encode, streams: (plan) => measureStreams(tidings, plan) };

/**
 * @param {{ what: string, lengths: number[], rounds: number, roundMs: number, warmMs: number, only?: string, one?: number }} plan - With
 * `only`, the cells whose names it matches; with `one`, that cell alone, and nothing before it.
 */
function run(plan) {
  return MEASURES[plan.what]({ ...plan, progress });
}

function encode({ lengths, only = "", ...plan }) {
  const wanted = new RegExp(only);
  const cells = encodingCells(lengths, KINDS).filter(({ name }) => wanted.test(name));
  return measureEncoding(tidings, { cells: shuffled(cells), ...plan });
}

function parse({ lengths, only = "", one, ...plan }) {
  const all = cells(lengths);
  const parsers = contestants(tidings, {
    "eventsource-parser 3": createParser3,
    "eventsource-parser 4": createParser4,
  });
  const wanted = new RegExp(only);
  const measured = one === undefined ? shuffled(all.filter(({ name }) => wanted.test(name))) : [all[one]];
  return measureCells(parsers, { measured, before: one === undefined ? all : [], ...plan });
}

/** For whoever waits: read by runtimes.mjs. */
function progress(done, all) {
  if (done % 20 === 0) console.error(`progress ${done}/${all}`);
}

/** Neighbours are alike, and would teach engines more than a process knows in earnest. */
function shuffled(list) {
  let state = 7;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return list
    .map((item) => [random(), item])
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

if (typeof window === "undefined") {
  const args = globalThis.Deno?.args ?? process.argv;
  const results = await run(JSON.parse(args.at(-1)));
  console.log(JSON.stringify(results));
} else {
  globalThis.measured = run;
}
