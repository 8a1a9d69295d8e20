import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** What an application pays that imports this one thing: bytes, bundled for a browser, minified, gzipped. */
async function size(name: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${name} } from "./index.ts"`, resolveDir: `${import.meta.dirname}/..` },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

test.each([
  ["createParser", 3490],
  ["createReader", 3590],
  ["readMessages", 4440],
  ["MessageStream", 3740],
  ["encode", 900],
  ["encodeBytes", 1520],
])("%s costs at most %i bytes", async (name, most) => {
  expect(await size(name)).toBeLessThanOrEqual(most);
});

test("nothing of Node is in what a browser gets", async () => {
  const { metafile } = await build({
    entryPoints: [`${import.meta.dirname}/../index.ts`],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    metafile: true,
  });
  expect(Object.keys(metafile.inputs).filter((path) => path.includes("/node/"))).toEqual([]);
});
