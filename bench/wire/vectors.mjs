/** The vectors, for programs that run without a loader for TypeScript: the same as vectors/load.ts, in fewer words. */
import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../../vectors/", import.meta.url).pathname;

export function loadVectors() {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((file) =>
      JSON.parse(readFileSync(FOLDER + file, "utf8")).cases.map(({ name, input, inputBase64, messages }) => ({
        file,
        name,
        bytes: new Uint8Array(input === undefined ? Buffer.from(inputBase64, "base64") : Buffer.from(input)),
        expected: { messages },
      })),
    );
}
