/**
 * What is in the stream: its format, and what its profile expects.
 */
import type { Check } from "../finding.ts";
import { header, isStream } from "./look.ts";

export const content: readonly Check[] = [
  {
    id: "F01",
    title: "The stream is not well-formed",
    severity: "warning",
    find({ main }) {
      if (!isStream(main)) return undefined;
      const { text } = main;
      const problems = [
        main.invalidUtf8 && "bytes that are not UTF-8, which readers see as U+FFFD",
        text.indexOf("\uFEFF") > 0 && "a byte order mark in its middle, which is text there",
        /^id:.*\0/m.test(text) && "a NUL in an id, which is then ignored",
        main.ending === "end" &&
          /[^\r\n](\r\n|\n|\r)?$/.test(text) &&
          !/^:[^\r\n]*(\r\n|\n|\r)?$/m.test(lastBlock(text)) &&
          "an end without a blank line: the last message is dropped",
        /^[^\r\n]{1000000}/m.test(text) && "a line of a megabyte, which some clients refuse",
        /^data ?=|^\{"/m.test(text) &&
          main.messages.length === 0 &&
          "lines that are no fields: each must begin with data: or another field's name",
        main.messages.length === 0 &&
          /^data:/m.test(text) &&
          !/(\r\n\r\n|\n\n|\r\r)/.test(text.replaceAll(/^:[^\r\n]*(?:\r\n|\n|\r)+/gm, "")) &&
          "no blank line, which is what ends a message: no reader gets one",
        main.messages.length > 0 && unknownField(text),
      ].filter((problem) => problem !== false);
      if (problems.length === 0) return undefined;
      return {
        seen: problems.join("; "),
        sure: "certain",
        fix: ["Encode messages with a library, such as encode() of tidings"],
      };
    },
  },
  {
    id: "P01",
    title: "Messages do not match the profile",
    severity: "error",
    find({ main, profile }) {
      if (!isStream(main)) return undefined;
      const missing = profile.headers?.find(([name, value]) => !value.test(header(main, name) ?? ""));
      if (missing !== undefined) {
        return {
          seen: `the header ${missing[0]} is ${header(main, missing[0]) ?? "absent"}`,
          sure: "certain",
          fix: [`Send the header that ${profile.name} clients expect`],
        };
      }
      for (const message of main.messages) {
        const problem = profile.message?.(message);
        if (problem !== undefined)
          return {
            seen: problem,
            sure: "certain",
            fix: [`Check each message against what ${profile.name} clients accept`],
          };
      }
      return undefined;
    },
  },
  {
    id: "P02",
    title: "The answer ends without its last message",
    severity: "error",
    find({ main, profile }) {
      if (!profile.finite || !isStream(main) || main.ending === "open") return undefined;
      if (main.messages.some((message) => profile.isLast?.(message) === true)) return undefined;
      return {
        seen: `${main.messages.length} messages, then the ${main.ending === "cut" ? "connection broke" : "response ended"}`,
        sure: "certain",
        fix: [`End with ${profile.last}. Without it, clients cannot tell a complete answer from half of one`],
      };
    },
  },
];

/** The first line that no reader takes: data of several lines needs `data:` before each. */
function unknownField(text: string): string | false {
  const lines = text.split(/\r\n|\n|\r/).slice(0, -1);
  const odd = lines.find((line) => line !== "" && !/^\uFEFF?(data|event|id|retry)?(:|$)/.test(line));
  if (odd === undefined) return false;
  return `the line ${JSON.stringify(odd.slice(0, 40))}, which readers ignore: data of several lines needs data: before each`;
}

/** What stands after the last blank line. */
function lastBlock(text: string): string {
  return text.split(/\r\n\r\n|\n\n|\r\r/).at(-1)!;
}
