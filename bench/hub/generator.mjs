/** The load generator (load/*.c): built when it is first needed, pinned to its core, spoken to line by line. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LOAD_CORE } from "./machine.mjs";
import { pinned, prefer } from "./priority.mjs";

const sources = fileURLToPath(new URL("./load/", import.meta.url));
const cache = fileURLToPath(new URL("./.cache/", import.meta.url));

/**
 * @returns `ask` sends one line and resolves to the answer; see load/load.c for the lines.
 * @throws {Error} When there is no C compiler, or it cannot build the generator.
 */
export async function startGenerator() {
  const [command, ...rest] = pinned(LOAD_CORE, [buildGenerator()]);
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const waiting = [];
  let reason;
  const ended = (how) => {
    reason = how;
    for (const { reject } of waiting.splice(0)) reject(new Error(`The load generator ended: ${how}`));
  };
  child.on("error", (error) => ended(error.message));
  child.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift().resolve(JSON.parse(line)));
  prefer(child.pid);
  return {
    ask(line) {
      return new Promise((resolve, reject) => {
        if (reason !== undefined) return reject(new Error(`The load generator ended: ${reason}`));
        waiting.push({ resolve, reject });
        child.stdin.write(`${line}\n`);
      });
    },
    stop() {
      child.removeAllListeners("exit");
      child.stdin.end();
      child.kill();
    },
  };
}

/** @returns The path of the built generator. */
export function buildGenerator() {
  const files = readdirSync(sources).sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(sources + file));
  const binary = `${cache}load-${hash.digest("hex").slice(0, 12)}`;
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const inputs = files.filter((file) => file.endsWith(".c")).map((file) => sources + file);
  const built = spawnSync("cc", ["-O2", "-Wall", "-Wextra", "-o", binary, ...inputs], { encoding: "utf8" });
  if (built.error?.code === "ENOENT") {
    throw new Error(
      "Cannot build the load generator: no C compiler, expected `cc` on the path (Debian: apt-get install gcc libc6-dev)",
    );
  }
  if (built.status !== 0) throw new Error(`Cannot build the load generator: cc says\n${built.stderr}`);
  return binary;
}
