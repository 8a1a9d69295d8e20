/**
 * The description of a command. Help, checks of arguments and shell completion are made from it.
 */
import type { Io } from "../terminal/io.ts";

export interface OptionSpec {
  /** One letter. */
  readonly short?: string;
  /** The placeholder of the value in the help: `"TYPE"`. An option without it is a switch. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly multiple?: boolean;
  /** The only values it may have. */
  readonly choices?: readonly string[];
  /** The option whose line of the help also shows this one. */
  readonly sameLineAs?: string;
  /** One line, with its default. */
  readonly about: string;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name: `"URL"`, `"[FILE]"`, `"[-- COMMAND…]"`. */
  readonly usage: string;
  /** The number of words without its options: minimum and maximum. */
  readonly words: readonly [least: number, most: number];
  /** Whether what follows `--` is a command of the user's, kept apart from the words. */
  readonly takesCommand?: boolean;
  /** What a shell offers for a word. Default: nothing. */
  readonly completes?: "file" | readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Lines to copy. */
  readonly examples: readonly string[];
  /** Further lines of the help, each short. */
  readonly notes?: readonly string[];
  /** @returns The exit status. */
  run(input: Input, io: Io): Promise<number>;
}

/** A command line that was read. */
export interface Input {
  readonly help: boolean;
  readonly noColor: boolean;
  /** Words that are no options. */
  readonly words: readonly string[];
  /** What follows `--`, where the command takes one. */
  readonly command: readonly string[];
  /** Whether a switch was given. */
  has(name: string): boolean;
  /** The value of an option, of its last mention. */
  get(name: string): string | undefined;
  /** All values of an option that may be given more than once. */
  all(name: string): readonly string[];
}

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "no-color": { about: "No colors (or set NO_COLOR); show this help" },
  help: { short: "h", sameLineAs: "no-color", about: "Show this help" },
};
