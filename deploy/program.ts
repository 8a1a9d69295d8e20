/**
 * Runs the proxies of this machine for a test: unprivileged paths in a folder of their own, one port of 127.0.0.1.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { type Child, startChild } from "../test/browsers/child.ts";
import { freePort } from "../test/support/free-port.mjs";

/** How one kind of proxy is run. */
export interface Program {
  readonly command: string;
  /** The Debian package that brings it. */
  readonly debian: string;
  readonly versionArguments: readonly string[];
  /** The arguments that run it in the foreground. `config` is what a user would save; more files may be written to the folder. */
  prepare(place: Place, config: string): readonly string[] | Promise<readonly string[]>;
  /** Makes it read its files again, which `prepare` has written anew. */
  reload(child: Child, place: Place): void | Promise<void>;
}

export interface Place {
  readonly folder: string;
  readonly port: number;
}

export interface RunningProgram {
  readonly url: string;
  /** Reads a new configuration, or the same one again. */
  reload(config?: string): Promise<void>;
  /** Stops it at once, its streams with it, and starts it again at the same port. */
  restart(): Promise<void>;
  /** What it has said on stdout and stderr. */
  output(): string;
  stop(): Promise<void>;
}

// Debian keeps some of them where only root's PATH looks.
const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin` };

/** The version of the program, such as "1.22.1". @throws {Error} If it is not installed, with the command that installs it. */
export function versionOf({ command, versionArguments, debian }: Program): string {
  const { error, stdout, stderr } = spawnSync(command, versionArguments, { encoding: "utf8", env });
  if (error !== undefined) {
    throw new Error(`Cannot run ${command}: it is not installed, expected: apt-get install ${debian}`, {
      cause: error,
    });
  }
  return /\d+\.\d+[.\d]*/.exec(stdout + stderr)?.[0] ?? "unknown";
}

/** Starts it with a configuration that listens on the given port of 127.0.0.1, and waits until it does. */
export async function startProgram(
  program: Program,
  makeConfig: (place: Place) => string,
): Promise<RunningProgram> {
  versionOf(program);
  const folder = await mkdtemp(join(tmpdir(), `tidings-${program.command}-`));
  await writeCertificate(folder);
  const start = async (place: Place, config: string): Promise<Child> => {
    const child = startChild(program.command, await program.prepare(place, config), { env });
    if (await listens(child, place.port)) return child;
    await child.stop();
    throw new Error(
      `Cannot start ${program.command}: ${child.output().trim() || "it exited without a word"}`,
    );
  };
  for (let attempt = 1; ; attempt++) {
    const place = { folder, port: await freePort() };
    const config = makeConfig(place);
    try {
      let child = await start(place, config);
      return {
        url: `http://127.0.0.1:${place.port}`,
        output: () => child.output(),
        async reload(next = config) {
          await program.prepare(place, next);
          await program.reload(child, place);
        },
        async restart() {
          child.process.kill("SIGKILL");
          await child.stop();
          child = await start(place, config);
        },
        async stop() {
          await child.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    } catch (error) {
      // Another process may have taken the port between our look and the proxy's.
      if (attempt < 3 && /address already in use/i.test(String(error))) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

async function listens(child: Child, port: number): Promise<boolean> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  child.process.once("close", over).once("error", over);
  while (!isOver && child.process.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

let certificate: Promise<string> | undefined;

/** Certificate and key in one file, as HAProxy reads them; the others find each in it. */
async function writeCertificate(folder: string): Promise<void> {
  certificate ??= Promise.resolve(generate([{ name: "commonName", value: "localhost" }])).then(
    ({ cert, private: key }) => `${cert}\n${key}\n`,
  );
  await writeFile(join(folder, "tls.pem"), await certificate);
}
