/**
 * Runs commands for the other scripts: quietly with their output kept, or with their output shown.
 */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/**
 * @param {string} command - A program and its arguments, without quotes or anything else that would need a shell.
 * @param {{ cwd?: string, show?: boolean, env?: Record<string, string> }} [options] - `cwd` from the repository's root;
 *   with `show` its output goes where ours goes, otherwise it is kept.
 * @returns {Promise<{ code: number, output: string, seconds: number }>} Its exit code; 127 when there is no such program.
 */
export function run(command, { cwd = ".", show = false, env = {} } = {}) {
  const [program, ...args] = command.split(" ");
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: join(ROOT, cwd),
      env: {
        ...process.env,
        ...env,
        PATH: [join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter),
      },
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
    });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (output += text));
    const over = (code) => resolve({ code, output, seconds: (performance.now() - startedAt) / 1000 });
    child.once("error", (error) => {
      output += error.message;
      over(127);
    });
    child.once("close", (code) => over(code ?? 1));
  });
}
