/**
 * The program that a runtime runs, bundled with the package as that runtime imports it. Its plan comes as its last argument,
 * or, in a page, from `measured(plan)`.
 */
import { createParser as createParser3 } from "eventsource-parser-3";
import { createParser as createParser4 } from "eventsource-parser-4";
import * as tidings from "tidings";
import { cells } from "./cells.mjs";
import { contestants, measureCells } from "./measure.mjs";

/**
 * @param {{ lengths: number[], rounds: number, roundMs: number, warmMs: number, only?: string, one?: number }} plan - With `one`, that
 * cell alone, and nothing before it.
 */
async function run({ lengths, rounds, roundMs, warmMs, only = "", one }) {
  const all = cells(lengths);
  const parsers = contestants(tidings, {
    "eventsource-parser 3": createParser3,
    "eventsource-parser 4": createParser4,
  });
  const wanted = new RegExp(only);
  const measured = one === undefined ? shuffled(all.filter(({ name }) => wanted.test(name))) : [all[one]];
  return measureCells(parsers, { measured, before: one === undefined ? all : [], rounds, roundMs, warmMs });
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
