/**
 * The end of an answer, as the server's dialect says it: `connect(url, { dialect: aiSdk() })`, with the dialects of
 * `tidings/dialects`. An answer that failed has the verdict `"failed"`, and one without an end is not complete.
 * This module is browser compatible.
 */
import type { Dialect } from "../../../dialects/dialect.ts";
import { isThenable } from "../../../guard/foreign.ts";
import type { Feature } from "../../core/feature.ts";
import { until } from "./until.ts";

/** What of a dialect a client uses. */
export type ReadableDialect = Pick<Dialect<never>, "verdictOf">;

/** Why an answer failed: the `cause` of the error that is the verdict's `cause`. */
export interface FailedAnswer {
  /** A word for programs. */
  readonly reason: string;
  /** Words for people; the reason where the server gave none. */
  readonly message: string;
}

export function dialect({ verdictOf }: ReadableDialect): Feature {
  return until((message) => {
    const verdict: unknown = verdictOf(message);
    // Of another's dialect: the types know of no promise.
    return isThenable(verdict) ? (verdict.then(lastOf) as never) : lastOf(verdict);
  });
}

/** What another's dialect may give, whatever the types say. */
interface ForeignVerdict {
  readonly complete?: unknown;
  readonly reason: string;
  readonly message?: string;
}

function lastOf(verdict: unknown): boolean | { readonly failed: FailedAnswer } {
  if (!verdict) return false;
  const { complete, reason, message = reason } = verdict as ForeignVerdict;
  if (complete === true) return true;
  if (complete === false) return { failed: { reason, message } };
  throw new TypeError("Cannot read verdict: expected { complete } or undefined");
}
