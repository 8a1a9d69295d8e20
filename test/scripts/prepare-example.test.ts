/** What `npm start` of an example does first: it names what the machine lacks, instead of failing in the middle. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

function prepare(...needs: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path("scripts/prepare-example.mjs"), ...needs],
    { cwd: path("examples/express-dashboard"), encoding: "utf8" },
  );
  return { status, output: stdout + stderr };
}

it("names all programs that are missing, and how to get them", () => {
  expect(prepare("sh:dash", "no-such-server:its-package", "nor-this:another")).toEqual({
    status: 1,
    output:
      "Cannot start: this machine lacks no-such-server and nor-this. On Debian or Ubuntu: sudo apt-get install its-package another\n",
  });
});

it("says nothing where all is there", () => {
  expect(prepare("sh:dash")).toEqual({ status: 0, output: "" });
});
