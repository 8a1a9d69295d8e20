/**
 * Notices that nobody reads our standard output any more, while nothing is written to it.
 */
import { spawn } from "node:child_process";
import { fstatSync } from "node:fs";

/**
 * Calls `onGone` when the reader of the pipe at our standard output closes it. Node sees that only when it writes. GNU tail looks
 * for it, so one runs with our standard output, and dies of SIGPIPE. Elsewhere (no pipe, no GNU tail) nothing is called, and the
 * next write tells.
 * @returns What ends the watch.
 */
export function watchReader(onGone: () => void): () => void {
  if (process.platform !== "linux" || !isPipe()) return () => {};
  const tail = spawn("tail", ["-f", "/dev/null", `--pid=${process.pid}`, "-s", "0.2"], {
    stdio: ["ignore", 1, "ignore"],
  });
  tail.on("error", () => {});
  tail.on("exit", (_, signal) => signal === "SIGPIPE" && onGone());
  tail.unref();
  return () => void tail.kill();
}

function isPipe(): boolean {
  try {
    return fstatSync(1).isFIFO();
  } catch {
    return false;
  }
}
