/**
 * What a run sends and when, by its name and its numbers. Each program shows one thing that a path may do to a stream.
 * This module is browser compatible.
 */
import type { Run } from "./runs.ts";
import type { Seen } from "./seen.ts";

/** What is written, or what is done, after a wait. */
export interface Step {
  readonly waitMs: number;
  /** Bytes of data in a message; with `"comment"` a heartbeat; `"end"` and `"crash"` are the last. */
  readonly what: number | "comment" | "end" | "crash" | "flood";
}

export interface Program {
  /** Whether headers for proxies are left out, as a server would that knows nothing of them. */
  readonly bare: boolean;
  readonly steps: readonly Step[];
}

export type Outcome =
  | { readonly kind: "plain"; readonly status: number; readonly body: string; readonly type: string }
  | { readonly kind: "stream"; readonly program: Program; readonly run: Run; readonly seen: Seen };

export function outcomeOf(status: number, body: string, type: string = "text/plain; charset=utf-8"): Outcome {
  return { kind: "plain", status, body, type };
}

const MOST_MS = 120_000;
/** For silence, whose cost is one open socket. */
const MOST_SILENT_MS = 400_000;
const MOST_BYTES = 2 ** 20;

/** Numbers that a program may be given: default, least, most. */
const NUMBERS = {
  count: [8, 1, 200],
  every: [500, 10, 30_000],
  bytes: [900, 0, 65_536],
  big: [20_000, 0, 131_072],
  wait: [1500, 0, MOST_SILENT_MS],
  heartbeat: [1000, 50, 60_000],
} as const;

/** @returns What is wrong with the request, as text. */
export function toProgram(
  name: string | null,
  query: URLSearchParams,
  allowFlood: boolean,
): Program | string {
  const numbers = {} as Record<keyof typeof NUMBERS, number>;
  for (const key of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const [fallback, least, most] = NUMBERS[key];
    const text = query.get(key);
    const value = text === null ? fallback : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      return `${key} is ${text}, expected a number from ${least} to ${most}`;
    numbers[key] = value;
  }
  const steps = stepsOf(name, numbers, allowFlood);
  if (typeof steps === "string") return steps;
  const ms = steps.reduce((sum, { waitMs }) => sum + waitMs, 0);
  const bytes = steps.reduce((sum, { what }) => sum + (typeof what === "number" ? what : 0), 0);
  if (ms > (name === "silence" ? MOST_SILENT_MS : MOST_MS))
    return `the program takes ${ms} ms, expected at most ${MOST_MS}`;
  if (bytes > MOST_BYTES) return `the program sends ${bytes} bytes, expected at most ${MOST_BYTES}`;
  return { bare: query.get("bare") === "1", steps };
}

function stepsOf(
  name: string | null,
  { count, every, bytes, big, wait, heartbeat }: Readonly<Record<keyof typeof NUMBERS, number>>,
  allowFlood: boolean,
): readonly Step[] | string {
  const ticks = Array.from({ length: count }, (_, at): Step => ({
    waitMs: at === 0 ? 0 : every,
    what: bytes,
  }));
  switch (name) {
    // Regular messages, then one larger than any page of a proxy's, then one more for its tail to wait for.
    case "tick":
      return [
        ...ticks,
        { waitMs: every, what: big },
        { waitMs: wait, what: 0 },
        { waitMs: every, what: "end" },
      ];
    // Nothing but the head for a while.
    case "hold":
      return [
        { waitMs: wait, what: 0 },
        { waitMs: every, what: "end" },
      ];
    case "silence":
      return [
        { waitMs: 0, what: 0 },
        { waitMs: wait, what: 0 },
        { waitMs: 0, what: "end" },
      ];
    // One message, then heartbeats, for as long as the reader stays.
    case "heartbeat":
      return [
        { waitMs: 0, what: 0 },
        ...Array.from({ length: Math.min(count, 200) }, (): Step => ({ waitMs: heartbeat, what: "comment" })),
        { waitMs: 0, what: "end" },
      ];
    // The server dies in the middle of the response.
    case "crash":
      return [...ticks, { waitMs: every, what: "crash" }];
    case "flood":
      return allowFlood
        ? [
            { waitMs: 0, what: 0 },
            { waitMs: 0, what: "flood" },
          ]
        : "flood is not allowed here: see allowFlood";
    default:
      return `program is ${JSON.stringify(name)}, expected tick, hold, silence, heartbeat, crash, flood, echo or result`;
  }
}
