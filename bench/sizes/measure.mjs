/** What one import costs in a bundle for browsers: minified by esbuild, and gzipped as a server would. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const SOURCE = fileURLToPath(new URL("../../packages/tidings/src/", import.meta.url));

/**
 * What is weighed of ours: the import as a user writes it, where its source is, and the most bytes that it may have, gzipped. Whoever
 * needs more than this raises it here, in sight.
 */
export const OWN = [
  { from: "tidings", names: "createParser", source: "index.ts", most: 3490 },
  { from: "tidings/client", names: "EventSource", source: "client/index.ts", most: 6430 },
  { from: "tidings/client", names: "connect", source: "client/index.ts", most: 11300 },
  { from: "tidings/client/core", names: "connect", source: "client/core/index.ts", most: 6990 },
  { from: "tidings/mini-program", names: "connect, fromWx", source: "mini-program/index.ts", most: 12440 },
  { from: "tidings/client/xhr", names: "xhrTransport", source: "client/transports/xhr.ts", most: 1660 },
  { from: "tidings/client/share", names: "share", source: "client/share.ts", most: 15210 },
  { from: "tidings/react", names: "useEventStream", source: "react/index.ts", most: 12820 },
  { from: "tidings/vue", names: "useEventStream", source: "vue/index.ts", most: 12640 },
  { from: "tidings/test", names: "createTestFetch", source: "testing/index.ts", most: 3810 },
];

/** @returns `{ minified, gzipped }`, in bytes. */
export function weighOwn({ names, source }) {
  return weigh(`export { ${names} } from "./${source}"`, SOURCE);
}

/** @param contents - A module. @param resolveDir - From where its imports are found. */
export async function weigh(contents, resolveDir) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    external: ["react", "vue"],
  });
  const [bundle] = outputFiles;
  return { minified: bundle.contents.length, gzipped: gzipSync(bundle.contents, { level: 9 }).length };
}
