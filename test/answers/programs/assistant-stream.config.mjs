/** Runs the tests that assistant-stream ships with its source, with our store in the place of its own. */
import { fileURLToPath } from "node:url";

const ours = fileURLToPath(new URL("assistant-stream-store.mjs", import.meta.url));

export default {
  root: fileURLToPath(new URL("../node_modules/assistant-stream/src/resumable", import.meta.url)),
  plugins: [
    {
      name: "our-store",
      enforce: "pre",
      resolveId: (source) => (source.endsWith("/InMemoryResumableStreamStore") ? ours : undefined),
    },
  ],
  test: {
    include: ["**/*.test.ts"],
    exclude: [],
    watch: false,
    reporters: ["json"],
  },
};
