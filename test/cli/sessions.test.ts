/**
 * Sessions of the command line, as written down in sessions/ and in the documents, run in a shell.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, runSession } from "./shell.ts";

const folder = join(ROOT, "test/cli/sessions");
const written = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")] as const);
const documents = readdirSync(join(ROOT, "docs/cli")).filter((file) => file.endsWith(".md"));
const documented = documents.flatMap((file) => {
  const text = readFileSync(join(ROOT, "docs/cli", file), "utf8");
  return [...text.matchAll(/^```sh session\n([^]*?)^```$/gm)].map(
    ({ 1: session, index }) => [`${file}:${text.slice(0, index).split("\n").length}`, session!] as const,
  );
});

test("there are documents with sessions", () => {
  expect(documented.length).toBeGreaterThan(3);
});

describe.each([...written, ...documented])("%s", (_, text) => {
  test("prints what it shows", async () => {
    for (const { command, shown, printed } of await runSession(text)) {
      expect(printed, `what this prints:\n$ ${command}`).toBe(shown);
    }
  });
});
