/**
 * The Markdown files of the repository, and which is the translation of which.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run-typescript.ts";

/** Every Markdown file, from the root of the repository. */
export const documents: readonly string[] = markdownFiles(".");

/** The page of which this is the translation, or the page itself. */
export function originalOf(file: string): string {
  return file.replace(".zh-CN.md", ".md").replace("zh-CN/", "");
}

/** Where the translation of a page stands: beside it at the root, and under `zh-CN/` in the documents. */
export function translationOf(file: string): string {
  return file.startsWith("docs/") ? file.replace("docs/", "docs/zh-CN/") : file.replace(/\.md$/, ".zh-CN.md");
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const prose = markdown.replaceAll(/^(```+)[^]*?^\1$/gm, "");
  for (const match of prose.matchAll(/^#+ (?<heading>.+)$/gm)) {
    const text = match.groups?.["heading"] ?? "";
    const slug = text
      .replaceAll(/\]\([^)]*\)/g, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let times = 1; anchors.has(anchor); times++) anchor = `${slug}-${times}`;
    anchors.add(anchor);
  }
  return anchors;
}

function markdownFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name.endsWith("dist")) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}
