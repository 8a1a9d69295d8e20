/**
 * Reads a command's arguments by Node's `parseArgs`, and says in words what is wrong with them.
 */
import { parseArgs } from "node:util";
import { COMMON_OPTIONS, type Command, type Input, type OptionSpec } from "./command.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

/** @throws {UsageError} If an option is unknown, lacks its value, or there are too few or too many words. */
export function parseArguments(command: Command, args: readonly string[]): Input {
  const specs: Readonly<Record<string, OptionSpec>> = { ...command.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: [...args],
    // What parseArgs says of a mistake names no remedy, so the tokens are judged here.
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? ("boolean" as const) : ("string" as const), ...(short && { short }) },
      ]),
    ),
  });
  const values = new Map<string, string[]>();
  const words: string[] = [];
  const own: string[] = [];
  let into = words;
  for (const token of tokens) {
    if (token.kind === "option-terminator" && command.takesCommand === true) into = own;
    if (token.kind === "positional") into.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) throw unknown(token.rawName, Object.keys(specs), command);
    values.set(token.name, [...(values.get(token.name) ?? []), valueOf(token, spec)]);
  }
  for (const [name, given] of values) {
    if (given.length > 1 && specs[name]!.value !== undefined && specs[name]!.multiple !== true) {
      throw new UsageError(`--${name} is given ${given.length} times, expected once.`);
    }
  }
  const input: Input = {
    help: values.has("help"),
    noColor: values.has("no-color"),
    words,
    command: own,
    has: (name) => values.has(name),
    get: (name) => values.get(name)?.at(-1),
    all: (name) => values.get(name) ?? [],
  };
  if (!input.help) checkCount(command, words);
  return input;
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function valueOf({ rawName, value, inlineValue }: OptionToken, spec: OptionSpec): string {
  if (spec.value === undefined) {
    if (value !== undefined) {
      throw new UsageError(`${rawName} takes no value, got ${JSON.stringify(value)}.`);
    }
    return "";
  }
  if (value === undefined)
    throw new UsageError(`${rawName} has no value, expected ${rawName} ${spec.value}.`);
  if (inlineValue !== true && value.length > 1 && value.startsWith("-")) {
    throw new UsageError(
      `${rawName} has no value, expected ${rawName} ${spec.value}.`,
      `If the value is ${value}, write ${rawName.startsWith("--") ? `${rawName}=${value}` : `${rawName}${value}`}`,
    );
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const close = nearest(value, spec.choices);
    throw new UsageError(
      `${rawName} is ${JSON.stringify(value)}, expected one of ${spec.choices.join(", ")}.${close === undefined ? "" : ` Did you mean ${close}?`}`,
    );
  }
  return value;
}

function unknown(rawName: string, names: readonly string[], command: Command): UsageError {
  const close = nearest(rawName.replace(/^-+/, ""), names);
  return new UsageError(
    `Unknown option ${rawName}.${close === undefined ? "" : ` Did you mean --${close}?`}`,
    `See: tidings ${command.name} --help`,
  );
}

function checkCount(command: Command, words: readonly string[]): void {
  const [least, most] = command.words;
  if (words.length < least) {
    throw new UsageError(`Missing argument. Usage: tidings ${command.name} ${command.usage}`);
  }
  if (words.length > most) {
    throw new UsageError(
      `Unexpected argument ${JSON.stringify(words[most])}. Usage: tidings ${command.name} ${command.usage}`,
    );
  }
}
