/**
 * Findings as a page, with pictures of the streams that they rest on.
 */
import { plural } from "../../arguments/units.ts";
import { escapeHtml, page } from "../../report/page.ts";
import { beganAtMs } from "../checks/arrivals.ts";
import { checks } from "../checks/index.ts";
import type { Evidence } from "../evidence.ts";
import type { Finding } from "../finding.ts";
import type { Observation } from "../examine/observation.ts";
import { timeline } from "./timeline.ts";

const CAUSES = { path: "on the path", application: "in the application" };

export function reportHtml(evidence: Evidence, findings: readonly Finding[]): string {
  const { url, main, hops, identity, runs, long, resumed } = evidence;
  const head = main.head;
  const began = (run: Observation): number | undefined => runs && beganAtMs(run, runs.wayMs);
  const pictures = [
    timeline(
      runs === undefined ? "As a browser asks" : "Regular messages and a large one, as a browser asks",
      main,
      began(main),
    ),
    identity && timeline("Without compression", identity, began(identity)),
    runs && timeline("Small messages in fast succession", runs.tokens, began(runs.tokens)),
    runs && timeline("Headers only for 1.5 s", runs.hold, began(runs.hold)),
    runs && timeline("The server crashes", runs.crash, began(runs.crash)),
    runs?.silence && timeline("Silence", runs.silence),
    resumed && timeline(`Reconnected with Last-Event-ID: ${resumed.from}`, resumed.observation),
    long && timeline("Watched for time limits", long),
  ].filter((picture) => picture !== undefined);
  const facts = [
    head === undefined ? (main.error ?? "no answer") : `${head.status}, HTTP/${head.httpVersion}`,
    hops.length === 0 ? "" : `through ${hops.join(", ")}`,
    plural(checks.length, "check"),
  ].filter(Boolean);
  return page(
    `Doctor: ${url}`,
    `<h1>${escapeHtml(url)}</h1>
<p class="dim">${escapeHtml(facts.join(", "))}</p>
${findings.length === 0 ? '<p class="good">no problems found</p>' : findings.map(card).join("\n")}
<h2>Timelines</h2>
<p class="dim">One request each. Green: on time. Red: more than 150 ms late. Rings: comments.</p>
${pictures.join("\n")}
<h2>Response headers</h2>
<table>${(head?.headers ?? []).map(([name, value]) => `<tr><th><code>${escapeHtml(name)}</code></th><td><code>${escapeHtml(value)}</code></td></tr>`).join("")}</table>`,
  );
}

function card({ id, title, severity, seen, sure, fix, see, cause }: Finding): string {
  const how = [sure, cause && CAUSES[cause]].filter(Boolean).join(", ");
  return `<div class="finding ${severity}"><h3><span class="id">${id}</span> ${escapeHtml(title)}</h3>
<p>${escapeHtml(seen)} <span class="dim">(${how})</span></p>
<ul>${fix.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}${see.map((url) => `<li>See <a href="${escapeHtml(url)}">${escapeHtml(url.replace(/.*\/docs\//, "docs/"))}</a></li>`).join("")}</ul></div>`;
}
