/**
 * The help: each page fits a screen of 24 lines and 80 columns where a command allows, and no line is wider.
 */
import type { Io } from "../terminal/io.ts";
import { stylesFor } from "../terminal/style.ts";
import { COMMON_OPTIONS, type Command, type OptionSpec } from "./command.ts";

export function overview(commands: readonly Command[], io: Io): string {
  const { strong, dim } = stylesFor(io.color.out);
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return [
    `${strong("tidings")}: Server-Sent Events on the command line`,
    "",
    ...commands.map(({ name, summary }) => `  ${strong(name.padEnd(width))}${summary}`),
    "",
    dim("tidings COMMAND --help shows the options of one. Try: tidings serve -- date"),
    "",
  ].join("\n");
}

export function commandHelp(command: Command, io: Io): string {
  const { strong, dim } = stylesFor(io.color.out);
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  const rows = options
    .filter(([, { sameLineAs }]) => sameLineAs === undefined)
    .map(([name, spec]) => {
      const more = options.filter(([, { sameLineAs }]) => sameLineAs === name);
      // Of several in a line, the names alone: their values are in what is said of them.
      const names = [name, ...more.map(([name]) => name)].map((name) => `--${name}`);
      const text = more.length === 0 ? optionText(name, spec) : `${shortText(spec)}${names.join(", ")}`;
      return { text: spec.short === undefined ? `    ${text}` : text, about: spec.about };
    });
  const width = Math.max(...rows.map(({ text }) => text.length)) + 2;
  return [
    `${strong(`tidings ${command.name}`)} ${command.usage}`,
    command.summary,
    "",
    ...rows.map(({ text, about }) => `  ${strong(text.padEnd(width))}${about}`),
    "",
    ...(command.notes ?? []),
    ...command.examples.map((line) => dim(`$ ${line}`)),
    "",
  ].join("\n");
}

function optionText(name: string, spec: OptionSpec): string {
  return `${shortText(spec)}--${name}${spec.value === undefined ? "" : ` ${spec.value}`}`;
}

function shortText({ short }: OptionSpec): string {
  return short === undefined ? "" : `-${short}, `;
}
