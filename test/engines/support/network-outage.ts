/** A process that appends to a log while its network is gone for 30 seconds, and what has to hold of it. */
import { expect } from "vitest";
import type { Network } from "./network.ts";

const AWAY_MS = 30_000;

interface Report {
  readonly acknowledged: readonly (readonly [number, string])[];
  readonly refused: readonly { text: string; code: string; tookMs: number }[];
  readonly stored: readonly (readonly [number, string])[];
  readonly parts: readonly {
    after: number;
    through: number;
    texts: readonly (readonly [number, string])[];
  }[];
  readonly states: readonly string[];
  readonly from: number;
}

/**
 * Nothing comes, nothing is refused, and nobody is told.
 * @param programs - Modules that call `appendAllTheTime`, and their options: they run at the near end.
 */
export async function expectNothingLostWithoutNetwork(
  network: Network,
  ...programs: readonly (readonly [string, ...string[]])[]
): Promise<void> {
  const writers = await Promise.all(programs.map((program) => startWriter(network, program)));
  try {
    network.cut();
    await new Promise((resolve) => void setTimeout(resolve, AWAY_MS));
    network.mend();
    for (const { states, report } of writers) expectWhole(await report(), states);
  } finally {
    for (const { stop } of writers) stop();
  }
}

interface Writer {
  readonly states: readonly string[];
  readonly report: () => Promise<Report>;
  readonly stop: () => void;
}

async function startWriter(network: Network, program: readonly string[]): Promise<Writer> {
  const child = network.near(process.execPath, ...program);
  const states: string[] = [];
  const reported = new Promise<Report>((resolve, reject) => {
    child.on("message", ({ state, report }: { state?: string; report?: Report }) => {
      if (state !== undefined) states.push(state);
      if (report !== undefined) resolve(report);
    });
    child.once("exit", () => reject(new Error("the process on the log ended")));
  });
  reported.catch(() => undefined);
  await expect.poll(() => states, { timeout: 30_000 }).toEqual(["started"]);
  return {
    states,
    report: () => {
      child.send("report");
      return reported;
    },
    stop: () => child.kill("SIGKILL"),
  };
}

function expectWhole(
  { acknowledged, refused, stored, parts, from }: Report,
  states: readonly string[],
): void {
  expect(states).toEqual(["started", "interrupted", "following"]);
  // In the middle of it, appends were refused, in time.
  expect(refused.length).toBeGreaterThan(0);
  for (const { code, tookMs } of refused) {
    expect(code).toBe("failed");
    expect(tookMs).toBeLessThan(15_000);
  }
  const texts = new Map(stored);
  expect(acknowledged.filter(([offset, text]) => texts.get(offset) !== text)).toEqual([]);
  expect(new Set(texts.values()).size).toBe(stored.length);
  // Of what was refused, some may be stored; the tail has that as well.
  let through = from;
  for (const part of parts) {
    expect(part.after).toBe(through);
    ({ through } = part);
  }
  expect(parts.flatMap((part) => part.texts)).toEqual(stored);
}
