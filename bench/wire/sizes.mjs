/** What a browser loads for one import: bundled, minified, gzipped. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = new URL("../../packages/tidings/dist/", import.meta.url).pathname;
const PEERS = {
  "eventsource-parser-3": "createParser",
  "eventsource-parser-4": "createParser",
  "eventsource-encoder": "encode",
};

export async function sizes() {
  const own = {};
  for (const name of [
    "createParser",
    "createReader",
    "readMessages",
    "MessageStream",
    "encode",
    "encodeBytes",
  ]) {
    own[name] = await gzipped(`export { ${name} } from "${ROOT}index.js"`);
  }
  const peers = {};
  for (const [peer, name] of Object.entries(PEERS))
    peers[`${peer} ${name}`] = await gzipped(`export { ${name} } from "${peer}"`);
  return {
    lines: [
      "### Sizes",
      "",
      "Bytes of one import, bundled for a browser, minified and gzipped.",
      "",
      "| import | bytes |",
      "|---|---|",
      ...Object.entries({ ...own, ...peers }).map(([name, bytes]) => `| ${name} | ${bytes} |`),
    ],
    figures: [
      { what: "parser entry, gzipped", wanted: { atMost: 1000, unit: "bytes" }, got: own.createParser },
    ],
  };
}

async function gzipped(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL(".", import.meta.url).pathname },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
