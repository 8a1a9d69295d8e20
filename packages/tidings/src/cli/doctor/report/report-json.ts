/**
 * Findings for programs.
 */
import type { Evidence } from "../evidence.ts";
import type { Finding } from "../finding.ts";
import type { Observation } from "../examine/observation.ts";

export function reportJson(evidence: Evidence, findings: readonly Finding[]): string {
  const { url, profile, hops, main } = evidence;
  return `${JSON.stringify({ url, profile: profile.name, hops, findings, observed: summaryOf(main) }, undefined, 2)}\n`;
}

function summaryOf({
  head,
  headAtMs,
  messages,
  comments,
  chunks,
  ending,
  endedAtMs,
  error,
}: Observation): object {
  return {
    status: head?.status ?? null,
    httpVersion: head?.httpVersion ?? null,
    headers: head?.headers ?? [],
    headMs: head === undefined ? null : Math.round(headAtMs),
    messages: messages.length,
    comments: comments.length,
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    ending,
    endedMs: Math.round(endedAtMs),
    error: error ?? null,
  };
}
