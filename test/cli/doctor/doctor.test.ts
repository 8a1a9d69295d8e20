/**
 * The doctor on good and broken streams, servers and proxies: it finds what is wrong with each, and nothing else.
 */
import { describe, expect, test } from "vitest";
import { checks } from "../../../packages/tidings/src/cli/doctor/checks/index.ts";
import { bestPaths, brokenPaths, goodPaths } from "./broken-paths.ts";
import { brokenStreams } from "./broken-streams.ts";
import { goodStreams } from "./good-streams.ts";
import { heldOutPaths } from "./held-out-paths.ts";
import { heldOutStreams } from "./held-out-streams.ts";
import { examine, type Setup } from "./setup.ts";

const found = async (setup: Setup): Promise<string[]> =>
  (await examine(setup)).findings.map(({ id }) => id).sort();

describe("nothing is found on", () => {
  test.concurrent.for([...goodStreams, ...goodPaths])(
    "$name",
    { timeout: 60_000 },
    async (setup, { expect }) => {
      expect(await found(setup)).toEqual([]);
    },
  );
});

describe("what cannot be improved is reported", () => {
  test.concurrent.for(bestPaths)("$name: $finds", { timeout: 60_000 }, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

describe("a stream's fault is found:", () => {
  test.concurrent.for(brokenStreams)("$name: $finds", { timeout: 60_000 }, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

describe("a path's fault is found:", () => {
  test.concurrent.for(brokenPaths)("$name: $finds", { timeout: 60_000 }, async (setup, { expect }) => {
    expect(await found(setup)).toEqual([...setup.finds].sort());
  });
});

describe("what the checks were not written for is judged right:", () => {
  test.concurrent.for([...heldOutStreams, ...heldOutPaths])(
    "$name: $finds",
    { timeout: 60_000 },
    async (setup, { expect }) => {
      expect(await found(setup)).toEqual([...setup.finds].sort());
    },
  );
});

test("every check has a set-up that it finds something on", () => {
  const finds = new Set([...brokenStreams, ...brokenPaths].flatMap((setup) => setup.finds));
  // 300 seconds of silence have a test of their own: silence.test.ts.
  const without = checks.map(({ id }) => id).filter((id) => !finds.has(id) && id !== "T05");
  expect(without).toEqual([]);
});
