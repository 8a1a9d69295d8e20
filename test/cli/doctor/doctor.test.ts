/**
 * The doctor on good and broken streams, servers and proxies: it finds what is wrong with each, and nothing else.
 */
import { describe, expect, test } from "vitest";
import { checks } from "../../../packages/tidings/src/cli/doctor/checks/index.ts";
import { bestPaths, brokenPaths, goodPaths } from "./broken-paths.ts";
import { brokenStreams, goodStreams } from "./broken-streams.ts";
import { examine, type Setup } from "./setup.ts";

const found = async (setup: Setup): Promise<string[]> =>
  (await examine(setup)).findings.map(({ id }) => id).sort();

/** The doctor measures times: what it saw while the machine was busy with other things, it may look at again. */
const AGAIN = { retry: 2, timeout: 60_000 };

describe("nothing is found on", () => {
  test.concurrent.for([...goodStreams, ...goodPaths])("$name", AGAIN, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([]);
  });
});

describe("what cannot be better is told of", () => {
  test.concurrent.for(bestPaths)("$name: $finds", AGAIN, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

describe("a stream's fault is found:", () => {
  test.concurrent.for(brokenStreams)("$name: $finds", AGAIN, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

describe("a path's fault is found:", () => {
  test.concurrent.for(brokenPaths)("$name: $finds", AGAIN, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

test("every check has a set-up that it finds something on", () => {
  const finds = new Set([...brokenStreams, ...brokenPaths].flatMap((setup) => setup.finds));
  // 300 seconds of silence are in its unit test.
  const without = checks.map(({ id }) => id).filter((id) => !finds.has(id) && id !== "T05");
  expect(without).toEqual([]);
});
