/** What readers with broad or costly patterns take of one turn of the event loop, counted in work: a clock would count the machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { expect, it } from "vitest";
import { selectTopics, type TopicSelector } from "../server/topics/topic-selection.ts";
import { lmdbLog } from "./lmdb/index.ts";
import type { Log, Selection } from "./log.ts";
import { memoryLog } from "./memory/memory-log.ts";

const TOPICS = 2_500;
/** What fits into a turn, and then one more step: a topic that makes every state of its automaton. */
const MOST_STEPS_IN_TURN = 60_000 + 60_000;

const logs: [name: string, make: () => { log: Log; close: () => Promise<void> }][] = [
  ["memoryLog()", () => ({ log: memoryLog(), close: () => Promise.resolve() })],
  [
    "lmdbLog()",
    () => {
      const path = mkdtempSync(join(tmpdir(), "tidings-broad-"));
      const env = open({ path, overlappingSync: false, eventTurnBatching: false });
      const close = async (): Promise<void> => {
        await env.close();
        rmSync(path, { recursive: true });
      };
      return { log: lmdbLog(env, { pollMs: false }), close };
    },
  ],
];

/** As much as the limits of a hub allow: 100 patterns, and 256 wildcards in all. */
const worst: [name: string, patterns: string[]][] = [
  ["85 patterns of three wildcards", Array.from({ length: 85 }, (_, i) => `:a/*${i % 10}*x${i}`)],
  [
    "16 patterns of 16 wildcards",
    Array.from({ length: 16 }, (_, i) => `*0*1*2*3*4*5*6*7*8*9*/*p*r*i*c*e${i}`),
  ],
  [
    "100 patterns of 100 characters",
    Array.from({ length: 100 }, (_, i) => `*${`shop/${i}`.padEnd(99, "shop/1")}`),
  ],
];

it.each(logs.flatMap(([log, make]) => worst.map(([name, patterns]) => [log, name, make, patterns] as const)))(
  "%s: a reader with %s takes a bounded part of each turn, and learns whether it lost anything",
  { timeout: 60_000 },
  async (_, __, make, patterns) => {
    const { log, close } = make();
    const body = new TextEncoder().encode("data: x\n\n");
    await log.open({ retention: { messages: TOPICS, bytes: 2 ** 30, ageMs: 2 ** 30 }, onTail() {} });
    for (let n = 0; n < 2; n += 1) {
      for (let i = 0; i < TOPICS; i += 500) {
        await log.append(Array.from({ length: 500 }, (_, j) => ({ topic: `shop/${i + j}/price`, body })));
      }
    }
    const selectors: TopicSelector[] = patterns.map((pattern) => ({ pattern }));
    const selection: Selection = selectTopics(selectors, 100);
    const steps = selection.steps!;
    let most = 0;
    let before = steps();
    let reading = true;
    const turn = (): void => {
      const now = steps();
      most = Math.max(most, now - before);
      before = now;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    let after = 1;
    let lostThrough = 0;
    for (let pages = 0; after < TOPICS * 2; pages += 1) {
      const page = await log.read({ topics: selection, after, maxMessages: 1_000, maxBytes: 65_536 });
      expect(page.through).toBeGreaterThan(after);
      after = page.through;
      lostThrough = Math.max(lostThrough, page.lostThrough);
      expect(pages).toBeLessThan(100);
    }
    reading = false;
    expect(lostThrough).toBe(0);
    expect(most).toBeLessThan(MOST_STEPS_IN_TURN);
    await log.close();
    await close();
  },
);
