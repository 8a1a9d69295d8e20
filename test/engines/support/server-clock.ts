/**
 * The clock of a server, which a test moves while the server runs: libfaketime between the server and its C library. Only the
 * time of day moves, as when somebody sets a machine's clock; what counts evenly goes on.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ServerClock {
  /** What a server's environment has to have. */
  readonly env: NodeJS.ProcessEnv;
  /** Sets it to the true time and so many milliseconds. */
  set(aheadMs: number): void;
  /** Removes its folder. */
  end(): void;
}

export function makeServerClock(): ServerClock {
  const folder = mkdtempSync(join(tmpdir(), "tidings-clock-"));
  // Postgres runs as another user.
  chmodSync(folder, 0o755);
  const file = join(folder, "offset");
  const set = (aheadMs: number): void => {
    const seconds = (aheadMs / 1_000).toFixed(3);
    // A server that reads it meanwhile sees the one or the other.
    writeFileSync(`${file}.next`, `${aheadMs < 0 ? "" : "+"}${seconds}s\n`);
    renameSync(`${file}.next`, file);
  };
  set(0);
  return {
    env: {
      ...process.env,
      LD_PRELOAD: libraryPath(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    set,
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * A program that does not ask the C library for the time (as all of Go), or whose allocator asks it too early (Redis'), runs in an
 * emulator, which asks for it.
 */
export function emulated(program: string, args: readonly string[]): [program: string, args: string[]] {
  const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;
  return [`qemu-${machine}`, ["-U", "LD_PRELOAD", program, ...args]];
}

/** Where a program is: the emulator does not look for it. */
export function whereIs(program: string): string {
  if (program.includes("/")) return program;
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/bin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? program;
}

function libraryPath(): string {
  for (const machine of readdirSync("/usr/lib")) {
    const path = join("/usr/lib", machine, "faketime/libfaketimeMT.so.1");
    if (existsSync(path)) return path;
  }
  throw new Error("libfaketime is missing; on Debian or Ubuntu: apt-get install faketime");
}
