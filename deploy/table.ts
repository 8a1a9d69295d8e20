/**
 * The tables of docs/proxies, read by the tests that run them: a row for each proxy, a column for each question.
 */
import { readFileSync } from "node:fs";

export interface Row {
  /** Its first cell, as plain text. */
  readonly title: string;
  /** The other cells, by the names of their columns. */
  readonly cells: Readonly<Record<string, string>>;
}

export const pageOf = (name: string): string =>
  readFileSync(new URL(`../docs/proxies/${name}.md`, import.meta.url), "utf8");

/** The table below a heading of the second level. @throws {Error} If there is none. */
export function tableBelow(page: string, heading: string): Row[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  const [columns = [], , ...rows] = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
  if (rows.length === 0) throw new Error(`Cannot read the table below "${heading}": there is none`);
  return rows.map(([title = "", ...cells]) => ({
    title,
    cells: Object.fromEntries(columns.slice(1).map((column, index) => [column, cells[index] ?? ""])),
  }));
}

/** "yes", "no", or "not over HTTP/2", which is a yes over everything else. @throws {Error} If it is none of these. */
export function isYes(cell: string, over: string): boolean {
  const excepted = /^not over (?<all>.+)$/.exec(cell)?.groups?.["all"]?.split(", ");
  if (excepted !== undefined) return !excepted.includes(over);
  if (cell !== "yes" && cell !== "no") throw new Error(`Cannot read a table: ${cell} is neither yes nor no`);
  return cell === "yes";
}
