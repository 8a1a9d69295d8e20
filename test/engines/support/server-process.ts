/** A server as a process of its own, with a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface ServerProcess {
  readonly process: ChildProcess;
  /**
   * Resolves when it answers.
   * @throws {Error} With the end of what it said, when it does not answer within 30 seconds or has ended.
   */
  answers(): Promise<void>;
  /** Sends a signal. With SIGKILL and SIGTERM, resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again at the same port, with what it has on disk. */
  restart(): Promise<void>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where it keeps what it keeps, and what it says. */
  readonly folder: string;
  /** Rejects as long as it does not answer. */
  readonly ask: () => Promise<unknown>;
  /** Whether to wait until it answers. Default: true. */
  readonly wait?: boolean;
}

export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const { program, args, env, folder, ask, wait = true } = command;
  const launch = (): ChildProcess => {
    const output = openSync(join(folder, "output"), "a");
    const child = spawn(program, args, { stdio: ["ignore", output, output], env });
    closeSync(output);
    return child;
  };
  let child = launch();
  const answers = async (): Promise<void> => {
    for (const giveUp = Date.now() + 30_000; ;) {
      try {
        await ask();
        return;
      } catch (error) {
        if (Date.now() > giveUp || child.exitCode !== null) {
          const said = readFileSync(join(folder, "output"), "utf8").split("\n").slice(-15).join("\n");
          throw new Error(`${program} did not start. It said:\n${said}`, { cause: error });
        }
      }
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
  };
  if (wait) await answers();
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const over = ended(child);
    child.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await over;
  };
  return {
    get process() {
      return child;
    },
    answers,
    kill,
    restart: async () => {
      child = launch();
      if (wait) await answers();
    },
    stop: async () => {
      child.kill("SIGCONT");
      await kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => void child.once("exit", () => resolve()));
}
