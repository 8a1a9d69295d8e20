/**
 * Finds the command that the first word names, reads its arguments, and turns what goes wrong into one line and an exit status.
 */
import type { Command } from "./arguments/command.ts";
import { commandHelp, overview } from "./arguments/help.ts";
import { nearest } from "./arguments/nearest.ts";
import { parseArguments } from "./arguments/parse-arguments.ts";
import { UsageError } from "./arguments/usage-error.ts";
import { commands } from "./commands.ts";
import type { Io } from "./terminal/io.ts";
import { stylesFor } from "./terminal/style.ts";
import { version } from "./version.ts";

/** What a shell sees of a call that made no sense, as with most Unix tools. */
const USAGE_STATUS = 2;

/** @returns The exit status. It does not reject. */
export async function run(words: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = words;
  try {
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      const about = rest[0] === undefined ? undefined : commandNamed(rest[0]);
      io.out(about === undefined ? overview(commands, io) : commandHelp(about, io));
      return name === undefined ? USAGE_STATUS : 0;
    }
    if (name === "--version" || name === "-v") {
      io.out(`${version()}\n`);
      return 0;
    }
    const command = commandNamed(name);
    const input = parseArguments(command, rest);
    if (input.help) {
      io.out(commandHelp(command, io));
      return 0;
    }
    return await command.run(input, input.noColor ? io.withoutColor() : io);
  } catch (error) {
    return explain(error, name, io);
  }
}

function commandNamed(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const close = nearest(name, names);
  throw new UsageError(
    `Unknown command ${JSON.stringify(name)}.${close === undefined ? "" : ` Did you mean ${close}?`}`,
    `Commands: ${names.join(", ")}`,
  );
}

/** A mistake of the user's is one line and a hint; a mistake of ours keeps its stack, so that it can be reported. */
function explain(error: unknown, name: string | undefined, io: Io): number {
  const { bad, dim } = stylesFor(io.color.err);
  if (error instanceof UsageError) {
    const known = commands.some((command) => command.name === name);
    io.err(`${bad("error")} ${error.message}\n`);
    const hint = error.hint ?? `See: tidings ${known ? `${name} ` : ""}--help`;
    if (hint !== "") io.err(`${dim(hint)}\n`);
    return error.status;
  }
  io.err(`${bad("error")} This is a mistake in tidings, please report it:\n`);
  io.err(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 70;
}
