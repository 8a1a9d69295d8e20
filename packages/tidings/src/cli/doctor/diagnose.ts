/**
 * From evidence to findings.
 */
import { checks } from "./checks/index.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding, Severity } from "./finding.ts";
import { pagesFor } from "./symptoms.ts";

const ORDER: readonly Severity[] = ["error", "warning", "info"];

/** @param direct - The same without the path: what is found there too is the application's. */
export function diagnose(evidence: Evidence, direct?: Evidence): Finding[] {
  const findings = findingsOf(evidence);
  if (direct !== undefined) {
    const own = new Set(findingsOf(direct).map(({ id }) => id));
    return findings.map((finding) => {
      const cause = own.has(finding.id) ? "application" : "path";
      return { ...finding, cause, see: finding.see.length === 0 ? [] : pagesFor(finding.id, cause) };
    });
  }
  return findings;
}

function findingsOf(evidence: Evidence): Finding[] {
  return checks
    .flatMap((check): Finding[] => {
      const found = check.find(evidence);
      if (found === undefined) return [];
      const { id, title, severity } = check;
      return [{ id, title, severity, sure: "likely", see: pagesFor(id), ...found }];
    })
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
