/**
 * What waits for a log, for its bound: a small message takes more for waiting than for its bytes.
 * This module is browser compatible.
 */
import type { Draft } from "../log.ts";

/** Of one message besides its body, as `npm run bench memory` measures it. */
export const BYTES_BESIDE = 1_000;

/** Bytes of memory that drafts take while they wait. */
export function waitingBytesOf(drafts: readonly Pick<Draft, "body">[]): number {
  return drafts.reduce((sum, { body }) => sum + body.length + BYTES_BESIDE, 0);
}
