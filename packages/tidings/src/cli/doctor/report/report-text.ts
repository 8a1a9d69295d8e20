/**
 * Findings for people.
 */
import { plural } from "../../arguments/units.ts";
import type { Io } from "../../terminal/io.ts";
import { harmless, type Style, stylesFor } from "../../terminal/style.ts";
import { checks } from "../checks/index.ts";
import type { Evidence } from "../evidence.ts";
import type { Finding, Severity } from "../finding.ts";

const MARKS: Readonly<Record<Severity, string>> = { error: "✗", warning: "!", info: "i" };
const CAUSES = { path: "on the path", application: "in the application" };

export function reportText(evidence: Evidence, findings: readonly Finding[], io: Io): string {
  const { strong, dim, good, warn, bad } = stylesFor(io.color.out);
  const styles: Readonly<Record<Severity, Style>> = { error: bad, warning: warn, info: dim };
  const lines = findings.flatMap(({ id, title, severity, seen, sure, fix, see, cause }) => [
    `${styles[severity](`${MARKS[severity]} ${id}`)} ${strong(title)}`,
    `      ${harmless(seen)} ${dim(`(${[sure, cause && CAUSES[cause]].filter(Boolean).join(", ")})`)}`,
    ...fix.map((text, at) => dim(`      ${at === 0 ? "→" : "·"} ${harmless(text)}`)),
    ...see.map((page) => dim(`      see ${page}`)),
    "",
  ]);
  return [`${strong(harmless(evidence.url))} ${dim(about(evidence))}`, "", ...lines, summary(), ""].join(
    "\n",
  );

  function summary(): string {
    const count = (severity: Severity): number =>
      findings.filter((each) => each.severity === severity).length;
    const [errors, warnings, infos] = [count("error"), count("warning"), count("info")];
    const parts = [
      errors > 0 && bad(plural(errors, "error")),
      warnings > 0 && warn(plural(warnings, "warning")),
      infos > 0 && dim(plural(infos, "note")),
    ].filter((part) => part !== false);
    return `${parts.length === 0 ? good("no problems found") : parts.join(", ")} ${dim(`(${plural(checks.length, "check")})`)}`;
  }
}

/** `200, HTTP/1.1, through nginx; 8 messages in 6.0 s` */
function about({ main, hops }: Evidence): string {
  if (main.head === undefined) return "";
  const through = hops.length === 0 ? "" : `, ${hops.join(", ")}`;
  return `(HTTP/${main.head.httpVersion}${through}; ${plural(main.messages.length, "message")} in ${(main.endedAtMs / 1000).toFixed(1)} s)`;
}
