/**
 * Where the lines come from: a command, a file that grows, or the standard input.
 */
import { spawn } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { systemProblem } from "../arguments/usage-error.ts";
import type { Io } from "../terminal/io.ts";
import { splitLines } from "./lines.ts";

export interface Source {
  /** What it is, for people. */
  readonly name: string;
  /**
   * Reads until the source ends or `signal` aborts.
   * @param onLine - A promise holds the source back.
   * @returns What there is to say of its end; `failed` if it did not end well.
   */
  run(
    onLine: (line: string) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<{ said: string; failed: boolean }>;
}

/** A command's output. Its errors go to ours. */
export function commandSource(command: readonly string[], io: Io): Source {
  const name = command.join(" ");
  return {
    name,
    run(onLine, signal) {
      return new Promise((resolve, reject) => {
        const [program = "", ...args] = command;
        // A single word with spaces in it is a line for the shell.
        const shell = args.length === 0 && /\s/.test(program);
        const child = spawn(program, args, { shell, stdio: ["ignore", "pipe", "pipe"] });
        const stop = (): void => void child.kill();
        signal.addEventListener("abort", stop);
        const pending: string[] = [];
        const lines = splitLines((line) => pending.push(line));
        const flow = (async () => {
          for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
            lines.push(chunk);
            for (const line of pending.splice(0)) await onLine(line);
          }
          lines.end();
          for (const line of pending.splice(0)) await onLine(line);
        })();
        child.stderr.on("data", (bytes: Uint8Array) => io.err(new TextDecoder().decode(bytes)));
        child.on("error", (error) => reject(systemProblem(`Cannot run ${program}`, error)));
        child.on("close", (code, killedBy) => {
          signal.removeEventListener("abort", stop);
          const said = killedBy === null ? `exited with ${code}` : `was ended by ${killedBy}`;
          flow.then(
            () => resolve({ said: `${name} ${said}`, failed: code !== 0 && !signal.aborted }),
            reject,
          );
        });
      });
    },
  };
}

export function stdinSource(io: Io): Source {
  return {
    name: "standard input",
    async run(onLine, signal) {
      const pending: string[] = [];
      const lines = splitLines((line) => pending.push(line));
      const stop = (): void => void io.stdin.destroy();
      signal.addEventListener("abort", stop);
      try {
        for await (const chunk of io.stdin as AsyncIterable<Uint8Array>) {
          lines.push(chunk);
          for (const line of pending.splice(0)) await onLine(line);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      lines.end();
      for (const line of pending.splice(0)) await onLine(line);
      return { said: "the standard input ended", failed: false };
    },
  };
}

const POLL_MS = 200;

/** A file's lines, and what is appended later, as `tail -F`: it may be truncated, or replaced by another. */
export function fileSource(path: string): Source {
  return {
    name: path,
    async run(onLine, signal) {
      const buffer = new Uint8Array(65_536);
      const pending: string[] = [];
      const lines = splitLines((line) => pending.push(line));
      const cannot = (error: unknown) => systemProblem(`Cannot follow ${path}`, error);
      let file: FileHandle = await open(path, "r").catch((error: unknown) => {
        throw cannot(error);
      });
      try {
        let inode = (await file.stat()).ino;
        let at = 0;
        while (!signal.aborted) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, at).catch((error: unknown) => {
            throw cannot(error);
          });
          at += bytesRead;
          lines.push(buffer.subarray(0, bytesRead));
          for (const line of pending.splice(0)) await onLine(line);
          if (bytesRead > 0) continue;
          if ((await file.stat()).size < at) at = 0;
          const next = await open(path, "r").catch(() => undefined);
          const found = await next?.stat();
          // A directory in its place has no lines, and may be replaced in turn.
          if (next !== undefined && found !== undefined && found.ino !== inode && !found.isDirectory()) {
            await file.close();
            [file, inode, at] = [next, found.ino, 0];
            continue;
          }
          await next?.close();
          await wait(POLL_MS, undefined, { signal }).catch(() => undefined);
        }
      } finally {
        await file.close();
      }
      return { said: `no longer follows ${path}`, failed: false };
    },
  };
}
