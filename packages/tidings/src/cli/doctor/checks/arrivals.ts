/**
 * The arithmetic of arrivals: how late each message came, and what shape the lateness has.
 */
import { jsonOf, valueAt } from "../../listen/json-path.ts";
import { sentAtMs } from "../../listen/sent-time.ts";
import type { Observation, SeenMessage } from "../examine/observation.ts";

export interface Timed {
  /** On any clock, the same for all. */
  readonly sentMs: number;
  readonly atMs: number;
  readonly message: SeenMessage;
}

/** The messages that say when they were sent, in the order of their sending. */
export function timed(observation: Observation): Timed[] {
  const wallOffset = performance.timeOrigin + observation.startedAtMs;
  return observation.messages
    .flatMap((message) => {
      const own = ownTime(message);
      const sentMs = own ?? sentAtMs(message.data, undefined, wallOffset + message.atMs);
      return sentMs === undefined ? [] : [{ sentMs, atMs: message.atMs, message }];
    })
    .sort((a, b) => a.sentMs - b.sentMs);
}

/** When the doctor endpoint sent it, since the start of its run. */
function ownTime({ data }: SeenMessage): number | undefined {
  const at = valueAt(jsonOf(data.split("\n")[0]!), ["atMs"]);
  return typeof at === "number" ? at : undefined;
}

/**
 * When a message that the endpoint sent at the very start of this run would have come, had nothing held it.
 * @param wayMs - From the server's clock to this one.
 */
export function beganAtMs({ messages, startedAtMs }: Observation, wayMs: number): number | undefined {
  const facts = jsonOf(messages[0]?.data.split("\n")[0] ?? "");
  const [clockMs, atMs] = [valueAt(facts, ["clockMs"]), valueAt(facts, ["atMs"])];
  if (typeof clockMs !== "number" || typeof atMs !== "number" || !Number.isFinite(wayMs)) return undefined;
  return clockMs - atMs + wayMs - startedAtMs;
}

/** Which run of the doctor endpoint sent this. */
export function runOf({ messages }: Observation): string | undefined {
  const run = valueAt(jsonOf(messages[0]?.data.split("\n")[0] ?? ""), ["run"]);
  return typeof run === "string" ? run : undefined;
}

/**
 * How much later than sent each message came, apart from the shortest way that was seen: no clocks are compared.
 * @param baseMs - What the way takes in any case, where it is known: then what is late for all shows too.
 */
export function lagsOf(messages: readonly Timed[], baseMs?: number): number[] {
  const raw = messages.map(({ sentMs, atMs }) => atMs - sentMs);
  const base = baseMs ?? Math.min(...raw);
  return raw.map((lag) => Math.max(0, lag - base));
}

/** What the ways of holding back look like. */
export interface Delivery {
  /** All came together, long after the first was sent. */
  readonly held: boolean;
  /** They came in a few groups. */
  readonly blocks: boolean;
  /** They came in groups at regular times; how far apart. */
  readonly periodMs: number | undefined;
  /** Nearly all were at least so late. What only some are is not the path's: this machine was busy. */
  readonly leastLagMs: number;
  readonly medianLagMs: number;
  readonly largestLagMs: number;
  readonly intervalMs: number;
  readonly groups: number;
  readonly count: number;
}

/** Fewer show no shape. */
const LEAST_MESSAGES = 5;
/** What comes within this belongs together. */
const GROUP_MS = 20;

/** @returns Nothing when there are too few messages, or they were sent together. */
export function deliveryOf(messages: readonly Timed[], baseMs?: number): Delivery | undefined {
  if (messages.length < LEAST_MESSAGES) return undefined;
  const span = messages.at(-1)!.sentMs - messages[0]!.sentMs;
  const intervals = messages.slice(1).map(({ sentMs }, at) => sentMs - messages[at]!.sentMs);
  const intervalMs = median(intervals);
  // Messages that were sent together may come together.
  if (span < 1000 || intervalMs < 15) return undefined;
  const arrivals = messages.map(({ atMs }) => atMs).sort((a, b) => a - b);
  const groups = arrivals.filter((atMs, at) => at === 0 || atMs - arrivals[at - 1]! > GROUP_MS);
  const arrivalSpan = arrivals.at(-1)! - arrivals[0]!;
  const lags = lagsOf(messages, baseMs);
  const sorted = [...lags].sort((a, b) => a - b);
  const held = arrivalSpan < span * 0.2;
  const gaps = groups.slice(1).map((atMs, at) => atMs - groups[at]!);
  const inner = gaps.slice(1, -1);
  const period = median(inner);
  const regular =
    groups.length >= 4 &&
    messages.length / groups.length >= 1.8 &&
    inner.filter((gap) => Math.abs(gap - period) < Math.max(15, period * 0.3)).length >= inner.length * 0.7;
  return {
    held,
    blocks: !held && groups.length < messages.length * 0.6,
    periodMs: regular ? period : undefined,
    leastLagMs: sorted[Math.floor(sorted.length * 0.1)]!,
    medianLagMs: median(lags),
    largestLagMs: sorted.at(-1)!,
    intervalMs,
    groups: groups.length,
    count: messages.length,
  };
}

/** The page size that the arrivals are whole multiples of, if one stands out. */
export function quantumOf({ chunks }: Observation): number | undefined {
  // The head shares the first page, and the end the last one.
  const groups: number[] = [];
  let lastMs = -Infinity;
  for (const { atMs, bytes } of chunks) {
    if (atMs - lastMs > GROUP_MS) groups.push(bytes);
    else groups[groups.length - 1]! += bytes;
    lastMs = atMs;
  }
  const middle = groups.slice(1, -1);
  if (middle.length === 0) return undefined;
  return [16_384, 8192, 4096].find((size) => middle.every((bytes) => bytes > 0 && bytes % size === 0));
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
