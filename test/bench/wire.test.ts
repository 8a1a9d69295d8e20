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

/**
 * Cells over the whole sweep, and how many times as fast as the better eventsource-parser each must be at the least: some 70 % of what
 * a quiet machine measures. A change that slows one size, one kind of text or one form by a third falls below.
 */
const LEAST: Record<string, { node20: number; node24: number }> = {
  "ascii 4, bytes, 65536": { node20: 1, node24: 0.65 },
  "ascii 24, bytes, 1400": { node20: 1.3, node24: 0.8 },
  "ascii 24, bytes, 65536": { node20: 1.2, node24: 0.65 },
  "ascii 270, bytes, 65536": { node20: 2, node24: 0.8 },
  "ascii 4096, bytes, 16384": { node20: 2, node24: 0.8 },
  "chinese 24, bytes, 65536": { node20: 0.9, node24: 0.55 },
  "chinese 270, bytes, 1400": { node20: 0.9, node24: 0.9 },
  "mixed 100, bytes, 16384": { node20: 1, node24: 0.7 },
  "ascii 24, bytes, 64": { node20: 0.8, node24: 0.7 },
  "ascii 24, strings, 1400": { node20: 0.65, node24: 0.65 },
  "ascii 24, strings, 65536": { node20: 0.45, node24: 0.4 },
  "ascii 270, strings, 65536": { node20: 0.8, node24: 0.8 },
  "chinese 270, strings, 1400": { node20: 0.65, node24: 0.65 },
  "real OpenAI deltas, bytes, 16384": { node20: 1.8, node24: 0.8 },
  "real Anthropic deltas, bytes, 65536": { node20: 1.2, node24: 0.65 },
  "real ticks with event and id, bytes, 1400": { node20: 0.8, node24: 0.65 },
  "real ticks with CRLF, bytes, 65536": { node20: 0.6, node24: 0.5 },
};

describe.each(["node20", "node24"] as const)(
  "the parser in %s, beside its peers in the same process",
  (name) => {
    let runtime: Runtime;
    const best = new Map<string, number>();

    beforeAll(async () => {
      prepare();
      runtime = (await openRuntime(name))!;
      // Again for what other work of the machine got in the way of: what is slow by itself stays so.
      for (let attempt = 0; attempt < 4; attempt++) {
        const slow = Object.keys(LEAST).filter((cell) => (best.get(cell) ?? 0) < LEAST[cell]![name]);
        if (slow.length === 0) break;
        const only = `^(${slow.map((cell) => cell.replaceAll(/[^\w ,]/g, "\\$&")).join("|")})$`;
        const lengths = [4, 24, 100, 270, 4096];
        for (const { name: cell, ratio } of await runtime.measure({
          what: "parse",
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

    test.each(Object.keys(LEAST))("%s", (cell) => {
      expect(best.get(cell)).toBeGreaterThanOrEqual(LEAST[cell]![name]);
    });
  },
);
