/**
 * A page that stands alone: no script, no font and no picture from elsewhere, light and dark.
 */
import { writeFileSync } from "node:fs";
import { systemProblem } from "../arguments/usage-error.ts";
import { version } from "../version.ts";

/** @param body - HTML; what is not ours in it went through `escapeHtml`. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
${body}
<footer>tidings ${escapeHtml(version())}, ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC</footer>
</main>
</html>
`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Finds out before a long run whether the file can be written. @throws {UsageError} If not. */
export function writeReport(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (error) {
    throw systemProblem(`Cannot write ${file}`, error);
  }
}

const STYLE = `
:root { color-scheme: light dark; --fg: #1c2024; --dim: #60646c; --bg: #fff; --box: #f5f6f8; --line: #d9dce1;
  --blue: #0d74ce; --orange: #c2410c; --green: #18794e; --red: #ce2c31; --yellow: #ab6400 }
@media (prefers-color-scheme: dark) { :root { --fg: #edeef0; --dim: #a5abb4; --bg: #111315; --box: #1b1e21; --line: #34383d;
  --blue: #70b8ff; --orange: #ff9f66; --green: #3dd68c; --red: #ff9592; --yellow: #ffca16 } }
body { background: var(--bg); color: var(--fg); font: 15px/1.55 system-ui, sans-serif; margin: 0 }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem }
h1 { font-size: 1.35rem; overflow-wrap: anywhere; margin: 0 0 .2rem } h2 { font-size: 1.05rem; margin: 2.2rem 0 .5rem }
p { margin: .3rem 0 } .dim, footer { color: var(--dim) } footer { margin-top: 3rem; font-size: .85rem }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600; white-space: nowrap; vertical-align: top }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
.finding { background: var(--box); border-left: 4px solid var(--dim); border-radius: 4px; padding: .7rem 1rem; margin: .7rem 0 }
.finding.error { border-color: var(--red) } .finding.warning { border-color: var(--yellow) }
.finding h3 { font-size: 1rem; margin: 0 } .finding ul { margin: .3rem 0 0; padding-left: 1.2rem }
.error .id, .bad { color: var(--red) } .warning .id { color: var(--yellow) } .good { color: var(--green) } .id { font-family: ui-monospace, monospace }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem }
figure { margin: 0 } figcaption { font-weight: 600; margin-bottom: .3rem } svg { width: 100%; height: auto; display: block }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif } .grid { stroke: var(--line) }
.blue { stroke: var(--blue); fill: none } .orange { stroke: var(--orange); fill: none } .fill { fill: var(--blue); opacity: .14; stroke: none }
.dot { fill: var(--blue) } .late { stroke: var(--red) } .live { stroke: var(--green) } text.blue { fill: var(--blue); stroke: none } text.orange { fill: var(--orange); stroke: none }
`;
