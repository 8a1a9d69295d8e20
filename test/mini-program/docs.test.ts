/**
 * The pages that the documents show are the pages that the tests run, and both languages show the same.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";

import { buildMiniProgram } from "./build-taro-app.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const DOCUMENTS = ["docs/mini-program.md", "docs/zh-CN/mini-program.md"];

/** The text of each fenced block. */
const blocks = (path: string) =>
  [...read(path).matchAll(/^```[\w ]*\n([^]*?)^```$/gm)].map(([, text]) => text);

describe.each(DOCUMENTS)("%s", (path) => {
  test("shows the native page and the Taro page as they are tested", () => {
    expect(blocks(path).slice(0, 2)).toEqual([
      read("examples/wechat-chat/pages/chat/chat.js"),
      read("test/mini-program/taro-app/src/pages/chat/index.tsx"),
    ]);
  });

  test("has the code of the other language", () => {
    expect(blocks(path)).toEqual(blocks(DOCUMENTS[0]!));
  });

  test("says how large it is", async () => {
    const { code } = transformSync(readFileSync(join(await buildMiniProgram(), "mini-program.js")), {
      minify: true,
      format: "cjs",
      target: "es2015",
    });
    const said = Number(/(\d+) kB/.exec(read(path))?.[1]);
    expect(Math.abs(said - gzipSync(code).length / 1000)).toBeLessThan(1);
  });
});
