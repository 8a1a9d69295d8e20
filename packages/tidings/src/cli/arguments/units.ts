/**
 * Times, sizes and counts as people write and read them.
 */
import { UsageError } from "./usage-error.ts";

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `500ms`, `10s`, `2m`, `1h`. @throws {UsageError} If it is none, or less than `least`. */
export function parseDuration(option: string, text: string, least = 0): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) {
    throw new UsageError(`--${option} is ${JSON.stringify(text)}, expected a time such as 500ms, 10s or 2m.`);
  }
  const ms = Number(match[1]) * MS[match[2]!]!;
  // Above this, timers fire at once.
  if (ms > 2 ** 31 - 1) throw new UsageError(`--${option} is ${text}, expected at most 596h.`);
  if (ms < least) throw new UsageError(`--${option} is ${text}, expected at least ${least}ms.`);
  return ms;
}

/** A whole number in a range. @throws {UsageError} If it is none. */
export function parseCount(option: string, text: string, least: number, most: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least && count <= most)) {
    throw new UsageError(
      `--${option} is ${JSON.stringify(text)}, expected a whole number from ${least} to ${most}.`,
    );
  }
  return count;
}

/** `340 ms`, `12.3 s`, `4 min 05 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes < 60) return `${minutes} min ${String(rest).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `812 B`, `3.4 KiB`, `1.2 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let size = bytes;
  for (const unit of ["KiB", "MiB", "GiB"]) {
    size /= 1024;
    if (size < 1024 || unit === "GiB") return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
  }
  return "";
}

/** `12,345` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `1 message`, `2 messages`. */
export function plural(count: number, one: string, more: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : more}`;
}
