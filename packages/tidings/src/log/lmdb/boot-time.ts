/**
 * What time it has to be by what has passed on this machine since something was written. A process that starts with a clock that is
 * wrong can tell by it, which its own monotonic clock does not.
 */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** When something was written. */
export interface BootTime {
  /** Since when the machine runs: another one each time it starts. */
  readonly boot: string;
  /** Milliseconds since it started. */
  readonly upMs: number;
  /** What time it was. */
  readonly atMs: number;
}

let boot: string | undefined;
let bootedMs = 0;

/** Of whole seconds, in some systems. */
const PRECISION_MS = 1_100;

/** Undefined where the system does not say which start of the machine it is, or for how long it runs: all but Linux, and LXC. */
export function bootTimeOf(atMs: number): BootTime | undefined {
  if (boot === undefined) {
    const upMs = uptime() * 1_000;
    // The monotonic clock begins when the machine starts, and stands while that sleeps. What says less is the time since a container
    // started, which starts anew where the machine does not.
    boot = upMs + PRECISION_MS < Number(process.hrtime.bigint()) / 1e6 ? "" : readBoot();
    bootedMs = upMs - performance.now();
  }
  return boot === "" ? undefined : { boot, upMs: Math.round(bootedMs + performance.now()), atMs };
}

/** Undefined where it cannot be told: the machine has started anew. */
export function timeAfter(written: BootTime | undefined): number | undefined {
  const now = written && bootTimeOf(0);
  if (now?.boot !== written?.boot || now === undefined || written === undefined) return undefined;
  return now.upMs < written.upMs ? undefined : written.atMs + now.upMs - written.upMs;
}

function readBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
