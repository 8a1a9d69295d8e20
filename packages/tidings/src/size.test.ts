import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

interface Import {
  readonly from: string;
  readonly names: string;
  readonly most: number;
}

const { OWN, weighOwn } = (await import(
  new URL("../../../bench/sizes/measure.mjs", import.meta.url).href
)) as {
  OWN: readonly Import[];
  weighOwn(this: void, one: Import): Promise<{ minified: number; gzipped: number }>;
};
const document = readFileSync(new URL("../../../docs/sizes.md", import.meta.url), "utf8");

/** What docs/sizes.md says of an import. */
function stated({ from, names }: Import): number[] {
  const row = document.split("\n").find((line) => line.startsWith(`| \`${names}\` | ${from} |`));
  return [...(row ?? "").matchAll(/\| ([\d,]+) (?=\|)/g)].map(([, bytes]) => Number(bytes!.replace(",", "")));
}

describe.each(OWN)("$names of $from", (one) => {
  test("costs no more than it may, and what docs/sizes.md says (npm run bench sizes -- --write)", async () => {
    const { minified, gzipped } = await weighOwn(one);
    expect(gzipped).toBeLessThanOrEqual(one.most);
    const [statedMinified = 0, statedGzipped = 0, statedMost] = stated(one);
    expect(Math.abs(minified / statedMinified - 1)).toBeLessThanOrEqual(0.02);
    expect(Math.abs(gzipped / statedGzipped - 1)).toBeLessThanOrEqual(0.02);
    expect(statedMost).toBe(one.most);
  });
});
