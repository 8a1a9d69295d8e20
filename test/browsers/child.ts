/**
 * Programs that a test starts and that must not outlive it, whatever becomes of the test.
 * Each gets a process group of its own, so that what it started ends with it.
 */
import { type ChildProcess, spawn } from "node:child_process";

export interface Child {
  readonly process: ChildProcess;
  /** The last 16 Ki characters of stdout and stderr together, for an error that helps. */
  output(): string;
  /** Asks the group to end, insists after 3 s, and settles when the program is gone. */
  stop(): Promise<void>;
}

const OUTPUT_CHARACTERS = 16 * 1024;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});

/** @param extraPipe - Opens file descriptor 3 for reading as well. */
export function startChild(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; extraPipe?: boolean } = {},
): Child {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe", ...(options.extraPipe ? (["pipe"] as const) : [])],
    detached: true,
  });
  running.add(child);
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const gone = new Promise<void>((resolve) => {
    child.once("close", () => {
      running.delete(child);
      resolve();
    });
    child.once("error", (error) => {
      output += error.message;
      running.delete(child);
      resolve();
    });
  });
  return {
    process: child,
    output: () => output,
    async stop() {
      signalGroup(child, "SIGTERM");
      const insist = setTimeout(() => signalGroup(child, "SIGKILL"), 3000);
      await gone;
      clearTimeout(insist);
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: it is gone already.
  }
}
