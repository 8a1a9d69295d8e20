/**
 * The types as a program has them: against those of WeChat and of Taro, with the compilers and the module resolutions of its templates.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { BUILD_MS, installPackage, TARO_APP } from "./build-taro-app.ts";

beforeAll(() => installPackage(), BUILD_MS);

/** @returns What the compiler complains of. */
function check(configuration: string): string {
  try {
    return execFileSync(
      process.execPath,
      [
        join(TARO_APP, "node_modules/typescript/bin/tsc"),
        "--noEmit",
        "--pretty",
        "false",
        "-p",
        configuration,
      ],
      { cwd: TARO_APP, encoding: "utf8" },
    );
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe("types", () => {
  test("fit Taro's, and the pages of the tests", () => {
    expect(check("tsconfig.json")).toBe("");
  });

  test("fit WeChat's, as its templates resolve modules and without a browser's types", () => {
    expect(check("tsconfig.native.json")).toBe("");
  });
});
