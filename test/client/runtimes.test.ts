/**
 * The client's suite on every runtime and in every browser, with the package as built: each case in each place is a test.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../browsers/index.ts";
import type { RuntimeName } from "../runtimes/runtimes.ts";
import { cases } from "./suite/cases.ts";
import { browserPlaces, exceptions, skippedIn } from "./suite/exceptions.ts";
import { runInBrowser, runOnRuntime } from "./suite/places.ts";
import type { Outcome } from "./suite/world.ts";

/** For all of them, on a machine that has much else to do. */
const TIMEOUT_MS = 600_000;

const runtimes: readonly [name: string, RuntimeName][] = [
  ["Node 20", "node20"],
  ["Node 22", "node22"],
  ["Node 24", "node24"],
  ["Node 26", "node26"],
  ["Bun", "bun"],
  ["Deno", "deno"],
  ["workerd", "workerd"],
];

/** Most of a run is waiting, and each takes a core when it does not. */
const AT_ONCE = 2;
let running = 0;
const waiting: (() => void)[] = [];
async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
  } else running++;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

function expectCases(outcomes: () => readonly Outcome[], place: string): void {
  const skipped = skippedIn(place, cases);
  test.each(cases.map(({ name }) => name).filter((name) => !skipped.includes(name)))("%s", (name) => {
    const outcome = outcomes().find((known) => known.name === name);
    expect(outcome, `what came of it in ${place}`).toBeDefined();
    expect(outcome!.error).toBeUndefined();
  });
}

describe.concurrent.each(engines)("$engine", ({ engine }) => {
  let outcomes = new Map<string, Outcome[]>();
  beforeAll(async () => {
    outcomes = await inTurn(() => runInBrowser(engine, (place) => skippedIn(`${engine} ${place}`, cases)));
  }, TIMEOUT_MS);
  describe.each(browserPlaces)("$name", ({ name }) => {
    expectCases(() => outcomes.get(name) ?? [], `${engine} ${name}`);
  });
});

describe.concurrent.each(runtimes)("%s", (place, runtime) => {
  let outcomes: Outcome[] = [];
  beforeAll(async () => {
    outcomes = await inTurn(() => runOnRuntime(runtime, skippedIn(place, cases)));
  }, TIMEOUT_MS);
  expectCases(() => outcomes, place);
});

test("each exception is of a case and a place that there are, and says why", () => {
  const places = [
    ...runtimes.map(([name]) => name),
    ...engines.flatMap(({ engine }) => browserPlaces.map(({ name }) => `${engine} ${name}`)),
  ];
  for (const { cases: start, where, reason } of exceptions) {
    expect(cases.filter(({ name }) => name.startsWith(start)).length, start).toBeGreaterThan(0);
    expect(places.filter((place) => where.test(place)).length, String(where)).toBeGreaterThan(0);
    expect(reason).not.toBe("");
  }
});

test("the names of cases are their own, and both doors are gone through", () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  expect(new Set(cases.map(({ door }) => door))).toEqual(new Set(["connect", "EventSource"]));
});
