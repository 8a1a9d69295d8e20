/**
 * What shells complete, asked of the shells themselves.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tidings } from "./shell.ts";

const run = promisify(execFile);

async function completed(line: string): Promise<string[]> {
  const { out } = await tidings(["completion", "bash"]);
  const words = line.split(" ");
  const { stdout } = await run("bash", [
    "-c",
    `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _tidings; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]);
  return stdout.trim().split("\n");
}

test("bash completes commands, options and their values", async () => {
  expect(await completed("tidings li")).toEqual(["listen"]);
  expect(await completed("tidings listen --re")).toEqual(["--record"]);
  expect(await completed("tidings listen --as ")).toEqual(["ai-sdk", "openai", "anthropic"]);
  expect(await completed("tidings completion ")).toEqual(["bash", "zsh", "fish"]);
});

test.each(["zsh", "fish"])("%s reads its script without complaint", async (shell) => {
  const { out } = await tidings(["completion", shell]);
  const code = shell === "zsh" ? `autoload -Uz compinit; compinit -D -u; ${out}` : out;
  const { stderr } = await run(shell, shell === "zsh" ? ["-fc", code] : ["--no-config", "-c", code]);
  expect(stderr).toBe("");
});

test("fish completes commands, options and their values", async () => {
  const { out } = await tidings(["completion", "fish"]);
  const ask = async (line: string): Promise<string[]> => {
    const { stdout } = await run("fish", [
      "--no-config",
      "-c",
      `${out}\ncomplete -C ${JSON.stringify(line)}`,
    ]);
    return stdout
      .trim()
      .split("\n")
      .map((each) => each.split("\t")[0]!);
  };
  expect(await ask("tidings li")).toEqual(["listen"]);
  expect(await ask("tidings listen --rec")).toEqual(["--record"]);
  expect(await ask("tidings listen --as open")).toEqual(["openai"]);
});
