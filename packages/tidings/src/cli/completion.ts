/**
 * `tidings completion`: what a shell needs to complete commands and options, made from what the commands say of themselves.
 */
import { COMMON_OPTIONS, type Command, type OptionSpec } from "./arguments/command.ts";
import { UsageError } from "./arguments/usage-error.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** @param commands - All of them, this one included. */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "Print the completion script for your shell",
    usage: SHELLS.join("|"),
    words: [1, 1],
    completes: SHELLS,
    options: {},
    examples: [
      "source <(tidings completion bash)",
      "tidings completion fish > ~/.config/fish/completions/tidings.fish",
    ],
    run(input, io) {
      const shell = input.words[0]!;
      const script = shell === "fish" ? fish(commands()) : bash(commands());
      if (!(SHELLS as readonly string[]).includes(shell)) {
        return Promise.reject(
          new UsageError(`The shell is ${JSON.stringify(shell)}, expected one of ${SHELLS.join(", ")}.`),
        );
      }
      io.out(shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script);
      return Promise.resolve(0);
    },
  };
}

function optionsOf(command: Command): [string, OptionSpec][] {
  return Object.entries({ ...command.options, ...COMMON_OPTIONS });
}

function bash(commands: readonly Command[]): string {
  const cases = commands.flatMap((command) => {
    const options = optionsOf(command);
    const choices = options.filter(([, { choices }]) => choices !== undefined);
    const valued = options.filter(([, { value, choices }]) => value !== undefined && choices === undefined);
    const words = command.completes === "file" || command.completes === undefined ? [] : command.completes;
    return [
      `    ${command.name})`,
      `      case "$previous" in`,
      ...choices.map(
        ([name, spec]) =>
          `        --${name}) COMPREPLY=($(compgen -W "${spec.choices!.join(" ")}" -- "$word")); return;;`,
      ),
      ...(valued.length === 0
        ? []
        : [
            `        ${valued.map(([name]) => `--${name}`).join("|")}) COMPREPLY=($(compgen -f -- "$word")); return;;`,
          ]),
      `      esac`,
      `      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "${options.map(([name]) => `--${name}`).join(" ")}" -- "$word"))`,
      `      else COMPREPLY=($(compgen ${command.completes === "file" ? "-f" : `-W "${words.join(" ")}"`} -- "$word")); fi;;`,
    ];
  });
  return `_tidings() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} --help --version" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
}
complete -F _tidings tidings
`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string =>
    `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
  const lines = commands.flatMap((command) => [
    `complete -c tidings -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
    ...(command.completes === undefined || command.completes === "file"
      ? []
      : [
          `complete -c tidings -n '__fish_seen_subcommand_from ${command.name}' -f -a ${quoted(command.completes.join(" "))}`,
        ]),
    ...optionsOf(command).map(([name, { short, value, choices, about }]) =>
      [
        `complete -c tidings -n '__fish_seen_subcommand_from ${command.name}' -l ${name}`,
        short === undefined ? "" : ` -s ${short}`,
        value === undefined ? "" : choices === undefined ? " -r" : ` -x -a ${quoted(choices.join(" "))}`,
        ` -d ${quoted(about)}`,
      ].join(""),
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
