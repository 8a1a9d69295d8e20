/**
 * What the doctor says: what it saw, how sure it is, and what mends it.
 */
import type { Evidence } from "./evidence.ts";

export type Severity = "error" | "warning" | "info";

export interface Finding {
  /** The check's, such as `"B03"`. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** What was seen, in numbers. */
  readonly seen: string;
  /** How sure it is that this is what it looks like. */
  readonly sure: "certain" | "likely" | "possible";
  /** What to change, the likeliest first. */
  readonly fix: readonly string[];
  /** The pages that explain what its users see. */
  readonly see: readonly string[];
  /** Who causes it, where `--direct` tells. */
  readonly cause?: "path" | "application" | undefined;
}

export interface Check {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** @returns What was found, or nothing. */
  find(evidence: Evidence): Found | undefined;
}

export interface Found {
  readonly seen: string;
  readonly sure?: Finding["sure"];
  readonly fix: readonly string[];
  /** Where it is not the check's own: an empty list for no page. */
  readonly see?: readonly string[];
  /** Where it is not the check's own. */
  readonly severity?: Severity;
}
