/**
 * What must be the same in a page and its translation: its headings, its code, and the options that its tables name.
 */

export interface Outline {
  /** How deep each heading is, in order: `"##"`. */
  readonly headings: readonly string[];
  /** Each fenced block with its language, but for comments, which are translated. */
  readonly code: readonly string[];
  /** What each row of each table has as code in its first cell: an option, an event, a status. */
  readonly rows: readonly string[];
  /** Where its links lead, from the folder `docs` or the root of the repository, in order. */
  readonly links: readonly string[];
}

const FENCED = /^(?<fence>```+)(?<info>[^\n`]*)\n(?<text>[^]*?)^\k<fence>$/gm;
/** What no reader sees: the code around blocks, which only an original needs. */
const UNSEEN = /<!--[^]*?-->\n*/g;

export function outlineOf(markdown: string): Outline {
  const seen = markdown.replaceAll(UNSEEN, "");
  const prose = seen.replaceAll(FENCED, "");
  return {
    headings: [...prose.matchAll(/^(?<depth>#+) /gm)].map((match) => match.groups?.["depth"] ?? ""),
    code: [...seen.matchAll(FENCED)].map(({ groups = {} }) => {
      const { info = "", text = "" } = groups;
      return `${info.trim()}\n${withoutComments(text)}`;
    }),
    rows: [...prose.matchAll(/^\|(?<cell>(?:[^|\\]|\\.)*)\|/gm)].map((match) =>
      (match.groups?.["cell"]?.match(/`[^`]+`/g) ?? []).join(" "),
    ),
    links: [...prose.matchAll(/\]\((?<target>[^)\s]+)\)/g)]
      .map((match) => match.groups?.["target"] ?? "")
      .filter((target) => /^[a-z]+:/.test(target))
      .sort(),
  };
}

/** Code as it runs. A comment of a line of its own leaves no blank line behind. */
function withoutComments(code: string): string {
  return code
    .replaceAll(/^ *(?:\/\/|#) .*\n/gm, "")
    .replaceAll(/ *(?:\/\/|#) .*$/gm, "")
    .replaceAll(/ *\/\*[^]*?\*\/\n?/g, "");
}
