import { beforeAll, describe, expect, test } from "vitest";

interface Cell {
  readonly name: string;
  readonly ratio: number;
}
interface Runtime {
  measure(this: void, plan: object): Promise<Cell[]>;
  close(this: void): Promise<void>;
}

const { openRuntime } = (await import(
  new URL("../../bench/wire/sweep/runtimes.mjs", import.meta.url).href
)) as { openRuntime(this: void, name: string): Promise<Runtime | undefined> };
const { prepare } = (await import(new URL("../../bench/wire/prepare.mjs", import.meta.url).href)) as {
  prepare(this: void): void;
};

type Least = Record<string, { readonly node20: number; readonly node22: number; readonly node24: number }>;

/**
 * Cells over the whole sweep, and how many times as fast as the better eventsource-parser each must be at the least: some 70 % of what
 * a quiet machine measures. A change that slows one size, one kind of text or one form by a third falls below. Ticks of 13 to 63
 * characters have most of the cells: copying them out of large chunks is what costs a parser that keeps no chunk.
 */
const PARSING: Least = {
  "ascii 4, bytes, 65536": { node20: 1, node22: 1.05, node24: 0.65 },
  "ascii 13, bytes, 65536": { node20: 1.3, node22: 1.15, node24: 0.75 },
  "ascii 20, bytes, 65536": { node20: 1.4, node22: 1.25, node24: 0.7 },
  "ascii 24, bytes, 1400": { node20: 1.3, node22: 1.3, node24: 0.8 },
  "ascii 24, bytes, 65536": { node20: 1.2, node22: 1.15, node24: 0.65 },
  "ascii 48, bytes, 65536": { node20: 1.25, node22: 1.2, node24: 0.65 },
  "ascii 63, bytes, 65536": { node20: 1.25, node22: 1.25, node24: 0.65 },
  "ascii 270, bytes, 65536": { node20: 2, node22: 2.8, node24: 0.8 },
  "ascii 4096, bytes, 16384": { node20: 2, node22: 3.2, node24: 0.8 },
  "chinese 20, bytes, 1400": { node20: 1.15, node22: 1.15, node24: 1.05 },
  "chinese 20, bytes, 65536": { node20: 1.15, node22: 1.15, node24: 0.65 },
  "chinese 24, bytes, 65536": { node20: 0.9, node22: 1.2, node24: 0.55 },
  "chinese 63, bytes, 65536": { node20: 1.3, node22: 1.3, node24: 0.65 },
  "chinese 270, bytes, 1400": { node20: 0.9, node22: 1.4, node24: 0.9 },
  "mixed 100, bytes, 16384": { node20: 1, node22: 0.95, node24: 0.7 },
  "ascii 24, bytes, 64": { node20: 0.8, node22: 1, node24: 0.7 },
  "ascii 24, strings, 1400": { node20: 0.65, node22: 0.7, node24: 0.65 },
  "ascii 24, strings, 65536": { node20: 0.45, node22: 0.5, node24: 0.4 },
  "ascii 270, strings, 65536": { node20: 0.8, node22: 1.1, node24: 0.8 },
  "chinese 270, strings, 1400": { node20: 0.65, node22: 0.7, node24: 0.65 },
  "real OpenAI deltas, bytes, 16384": { node20: 1.8, node22: 2.3, node24: 0.8 },
  "real Anthropic deltas, bytes, 65536": { node20: 1.2, node22: 1.55, node24: 0.65 },
  "real ticks with event and id, bytes, 1400": { node20: 0.8, node22: 1.1, node24: 0.65 },
  "real ticks with CRLF, bytes, 65536": { node20: 0.6, node22: 0.7, node24: 0.5 },
};

/** In the same way, beside the better of eventsource-encoder and better-sse. */
const ENCODING: Least = {
  "encode, data, ascii 24": { node20: 1.8, node22: 1.9, node24: 1.1 },
  "encode, data, ascii 4096": { node20: 10, node22: 10, node24: 2 },
  "encode, data, chinese 270": { node20: 1, node22: 1.7, node24: 1 },
  "encode, event, id and data, ascii 270": { node20: 2.2, node22: 2.3, node24: 1.3 },
  "encode, event, id and data, chinese 24": { node20: 1.2, node22: 1.2, node24: 1 },
  "encodeBytes, data, ascii 24": { node20: 1.7, node22: 2.6, node24: 2.3 },
  "encodeBytes, data, ascii 4096": { node20: 1.8, node22: 2.7, node24: 1.3 },
  "encodeBytes, event, id and data, ascii 24": { node20: 1.6, node22: 2.1, node24: 1.6 },
  "encodeInto, data, ascii 24": { node20: 1.1, node22: 2, node24: 1.5 },
  "encodeInto, data, ascii 270": { node20: 1.7, node22: 3.2, node24: 1.8 },
  "encodeInto, data, chinese 24": { node20: 1.3, node22: 1.45, node24: 1.6 },
  "encodeInto, event, id and data, ascii 4096": { node20: 5, node22: 8, node24: 3 },
};

describe.each([
  ["parser", "parse", "node20", PARSING],
  ["parser", "parse", "node22", PARSING],
  ["parser", "parse", "node24", PARSING],
  ["encoders", "encode", "node20", ENCODING],
  ["encoders", "encode", "node22", ENCODING],
  ["encoders", "encode", "node24", ENCODING],
] as const)("the %s, by %s in %s, beside the peers in the same process", (_, what, name, least: Least) => {
  let runtime: Runtime;
  const best = new Map<string, number>();

  beforeAll(async () => {
    prepare();
    runtime = (await openRuntime(name))!;
    // Again for what other work of the machine got in the way of: what is slow by itself stays so.
    for (let attempt = 0; attempt < 4; attempt++) {
      const slow = Object.keys(least).filter((cell) => (best.get(cell) ?? 0) < least[cell]![name]);
      if (slow.length === 0) break;
      const only = `^(${slow.map((cell) => cell.replaceAll(/[^\w ,]/g, "\\$&")).join("|")})$`;
      const lengths = [4, 13, 20, 24, 48, 63, 100, 270, 4096];
      for (const { name: cell, ratio } of await runtime.measure({
        what,
        lengths,
        only,
        rounds: 15,
        roundMs: 1,
        warmMs: 30,
      }))
        best.set(cell, Math.max(ratio, best.get(cell) ?? 0));
    }
    await runtime.close();
  }, 180_000);

  test.each(Object.keys(least))("%s", (cell) => {
    expect(best.get(cell)).toBeGreaterThanOrEqual(least[cell]![name]);
  });
});
