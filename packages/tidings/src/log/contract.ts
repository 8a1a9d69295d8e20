/**
 * What every log must do, as a test suite: run it against your own.
 *
 *     import { describe, it } from "vitest"; // or node:test, or any runner with the two
 *     import { describeLog } from "tidings/log/contract";
 *     describeLog("my log", ({ now }) => myLog({ now }), { describe, it });
 */
import assert from "node:assert/strict";
import { describeAppending } from "./contract/appending.ts";
import {
  ALL_ABILITIES,
  openBench,
  range,
  type CreateLog,
  type DeclareTest,
  type LogAbilities,
} from "./contract/opened-log.ts";
import { compareWithModel } from "./contract/model.ts";
import { describeReading } from "./contract/reading.ts";
import { describeRetention } from "./contract/retention.ts";
import { describeSharing, type SharedLog, type SharingOptions } from "./contract/shared.ts";
import { describeTail } from "./contract/tail.ts";

export type { CreateLog, LogAbilities, SharedLog };

export interface TestRunner {
  describe: (name: string, body: () => void) => unknown;
  /** With a third argument, milliseconds that the test may take, which Vitest and Jest know and others ignore. */
  it: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
}

/**
 * Declares the suite.
 * @param options - What your log cannot do; and `describe` and `it` of your test runner. Default: those that the runner made global.
 * @throws {TypeError} If there is no runner.
 */
export function describeLog(
  name: string,
  create: CreateLog,
  options: Partial<TestRunner & LogAbilities> = {},
): void {
  const { describe, it } = runnerOf(options);
  const abilities = { ...ALL_ABILITIES, ...options };
  const test: DeclareTest = (title, body, { needs, ...benchOptions } = {}) => {
    if (needs !== undefined && !abilities[needs]) return;
    it(title, async () => {
      const bench = await openBench(create, benchOptions, abilities);
      try {
        await body(bench);
      } finally {
        await bench.log.close();
      }
    });
  };
  describe(name, () => {
    describeAppending(test);
    describeReading(test);
    describeRetention(test);
    describeTail(test);
    it("gives each new log another epoch", async () => {
      const one = await openBench(create, {});
      const other = await openBench(create, {});
      await one.log.close();
      await other.log.close();
      assert.notEqual(one.position.epoch, other.position.epoch);
    });
    for (const seed of range(1, 20)) {
      it(`agrees with the plainest log there is, run ${seed}`, () =>
        compareWithModel(create, seed, abilities));
    }
  });
}

/**
 * Declares the tests of a log that several processes share. They start processes of Node and kill them.
 * @param options - Whether losses are exact; `seed`, which a test that failed named, to repeat what it did; and `describe` and `it` of
 * your test runner. Default: as in {@link describeLog}, and another seed each time.
 * @throws {TypeError} If there is no runner.
 */
export function describeSharedLog(
  name: string,
  shared: SharedLog,
  options: Partial<TestRunner & SharingOptions> = {},
): void {
  const { describe, it } = runnerOf(options);
  describe(name, () =>
    describeSharing(it, shared, { exactLosses: true, seed: Math.floor(Math.random() * 2 ** 32), ...options }),
  );
}

function runnerOf(runner: Partial<TestRunner>): TestRunner {
  const { describe, it } = { ...(globalThis as Partial<TestRunner>), ...runner };
  if (describe === undefined || it === undefined) {
    throw new TypeError(
      "Cannot declare log tests: describe and it are not global, expected { describe, it } as third argument",
    );
  }
  return { describe, it };
}
