/**
 * When a message was sent, where its data says so: for its latency. Both clocks must be right for the difference to be.
 */
import { type JsonPath, jsonOf, valueAt } from "./json-path.ts";

/** Names under which servers put it, when nobody says where to look. */
const USUAL = ["sentAt", "sentAtMs", "sent_at", "timestamp", "time", "ts", "t", "createdAt", "created_at"];
/** What is further off is no time of sending. */
const FARTHEST_MS = 3_600_000;

/**
 * @param path - Where to look. Default: a top-level field with a usual name that is within an hour of now.
 * @returns Milliseconds since 1970.
 */
export function sentAtMs(data: string, path: JsonPath | undefined, nowMs: number): number | undefined {
  if (!/^\s*[\d"{[]/.test(data)) return undefined;
  const json = jsonOf(data);
  if (path !== undefined) return toMs(valueAt(json, path));
  if (typeof json !== "object" || json === null) return undefined;
  for (const name of USUAL) {
    const ms = Object.hasOwn(json, name) ? toMs((json as Record<string, unknown>)[name]) : undefined;
    if (ms !== undefined && Math.abs(nowMs - ms) < FARTHEST_MS) return ms;
  }
  return undefined;
}

/** Milliseconds or seconds since 1970, or a date as text. */
function toMs(value: unknown): number | undefined {
  if (typeof value === "string") {
    const ms = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
    return Number.isFinite(ms) ? ms : undefined;
  }
  if (typeof value !== "number" || !(value > 1e9)) return undefined;
  // Seconds reach this in the year 5138.
  return value < 1e11 ? value * 1000 : value;
}
