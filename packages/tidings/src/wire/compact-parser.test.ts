import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createCompactParser } from "./compact-parser.ts";
import { createParser } from "./parser.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const MEGABYTE = 2 ** 20;

const parsers = [
  ["compact", createCompactParser],
  ["fast", createParser],
] as const;

test.each(parsers)("the %s parser keeps a message of many short lines as one text", (_name, create) => {
  const lengths: number[] = [];
  const parser = create({ onMessage: ({ data }) => void lengths.push(data.length) });
  const chunk = new TextEncoder().encode("data:\n".repeat(10_000));
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200; i += 1) parser.push(chunk);
  collect();
  // Their parts would be 61 MiB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * MEGABYTE);
  parser.push("data:x\n\n");
  expect(lengths).toEqual([2_000_001]);
});

test.each(parsers)(
  "the %s parser keeps of a message what it has, not the comments between its lines",
  (_name, create) => {
    const lengths: number[] = [];
    const parser = create({ onMessage: ({ data }) => void lengths.push(data.length) });
    const line = "data: 1234567890123456\n";
    const chunk = new TextEncoder().encode(`${line}:${"x".repeat(4_096 - line.length - 2)}\n`);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 10_000; i += 1) parser.push(chunk);
    collect();
    // 40 MB came, of which 170 kB are data.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * MEGABYTE);
    parser.push("\n");
    expect(lengths).toEqual([10_000 * 17 - 1]);
  },
);
