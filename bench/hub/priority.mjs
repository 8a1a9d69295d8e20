/** Keeps the measured processes on their cores, and other work of the machine off them, as far as the system lets us. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, setPriority } from "node:os";

const NICENESS = -10;
const hasTaskset = spawnSync("taskset", ["--version"]).status === 0;

/** The command that runs `command` on one core; as it is, where that cannot be had. */
export function pinned(core, command) {
  return hasTaskset && core < availableParallelism() ? ["taskset", "-c", String(core), ...command] : command;
}

/** Moves a running process to a core. */
export function pin(core, pid) {
  if (hasTaskset && core < availableParallelism())
    spawnSync("taskset", ["-a", "-p", "-c", String(core), String(pid)]);
}

/**
 * Puts a process before others. It has to lead a session of its own (`detached`): Linux shares the cores out among sessions
 * first, and niceness counts only within one.
 */
export function prefer(pid) {
  try {
    setPriority(pid, NICENESS);
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // Without the right to it the run goes on at the usual priority, and is noisier.
  }
}
