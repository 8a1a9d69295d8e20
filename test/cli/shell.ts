/**
 * A shell with `tidings` in it, as after `npm install -g tidings`, that runs sessions: lines that open with `$ `, and what they print.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.mjs";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
export const MAIN: string = join(ROOT, "packages/tidings/dist/cli/main.js");

export interface Ran {
  readonly command: string;
  readonly shown: string;
  readonly printed: string;
}

/** Runs a session, and gives for each of its commands what it shows and what was printed, both without what differs each time. */
export async function runSession(text: string): Promise<Ran[]> {
  const folder = await mkdtemp(join(tmpdir(), "tidings-session-"));
  await cp(join(ROOT, "test/cli/recordings"), folder, { recursive: true });
  await mkdir(join(folder, ".bin"));
  await writeFile(join(folder, ".bin/tidings"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, {
    mode: 0o755,
  });
  const port = String(await freePort());
  const shell = spawn("bash", [], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${folder}/.bin:${process.env["PATH"]}`,
      PORT: port,
      NO_COLOR: "1",
      TZ: "UTC",
      LC_ALL: "C.UTF-8",
    },
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const output = collect(shell);
  try {
    shell.stdin.write("exec 2>&1; set +m\n");
    const ran: Ran[] = [];
    for (const [index, { command, shown }] of exchangesOf(text).entries()) {
      const mark = `--- ${index} is done ---`;
      const from = output.length();
      shell.stdin.write(`${command.replaceAll("4455", port)}\necho "${mark}"\n`);
      const done = await output.until((text) => text.slice(from).includes(mark));
      // What runs on in the background says where it listens.
      const told = command.endsWith("&")
        ? await output.until((text) => text.slice(from).includes("http://"))
        : done;
      const printed = told.slice(from).replace(`${mark}\n`, "").replaceAll(port, "4455");
      ran.push({ command, shown: normalise(shown), printed: normalise(printed) });
    }
    return ran;
  } finally {
    // Its children too: servers that run in the background.
    process.kill(-shell.pid!, "SIGTERM");
    if (shell.exitCode === null && shell.signalCode === null) await once(shell, "exit");
    await rm(folder, { recursive: true, force: true });
  }
}

/** The commands of a session, and what is shown below each. A command goes on in the next line after a backslash. */
function exchangesOf(text: string): { command: string; shown: string }[] {
  const parts = text.split(/^\$ /m).slice(1);
  return parts.map((part) => {
    const [, command, shown] = /^((?:[^\n]*\\\n)*[^\n]*)\n?([^]*)$/.exec(part)!;
    return { command: command!, shown: shown! };
  });
}

/** Times, durations, epochs and versions are never the same twice. */
export function normalise(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME")
    .replaceAll(/\b\d\d:\d\d:\d\d\.\d{3}\b/g, "TIME")
    .replaceAll(/[+]?\b\d[\d,]*(\.\d+)? (ms|s)\b/g, "N s")
    .replaceAll(/\brecorded [\d.]+ (B|KiB)\b/g, "recorded N B")
    .replaceAll(/\b[\d.]+\/s\b/g, "N/s")
    .replaceAll(/(?<![\w-])[\w-]{12}\.(\d+)\b/g, "EPOCH.$1")
    .replaceAll(/^\[\d+\] \d+\n/gm, "")
    .replaceAll(/^(Date|date): .*$/gm, "$1: …")
    .trimEnd();
}

export interface Output {
  length(): number;
  text(): string;
  /** Waits until it is as it should be. */
  until(isSo: (text: string) => boolean): Promise<string>;
}

export function collect(child: ChildProcess): Output {
  let text = "";
  let waiting: (() => void)[] = [];
  let over = false;
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const each of woken) each();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      wake();
    });
  }
  child.on("close", () => {
    over = true;
    wake();
  });
  return {
    length: () => text.length,
    text: () => text,
    async until(isSo) {
      const deadline = setTimeout(() => {
        over = true;
        wake();
      }, 30_000);
      while (!isSo(text)) {
        if (over) throw new Error(`It never said so. It said:\n${text}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      clearTimeout(deadline);
      return text;
    },
  };
}

/** Runs the command to its end. */
export async function tidings(
  args: readonly string[],
  { input, env = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, NO_COLOR: "1", ...env } });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end(input);
  await once(child, "close");
  return { status: child.exitCode, out, err };
}
