/**
 * Why a request gets no stream, where that says itself. What limits, topics and the application's answers say is with them.
 * This module is browser compatible.
 */
import type { Refusal } from "../request/refusal.ts";

export const DRAINING: Refusal = {
  code: "draining",
  status: 503,
  detail: "The hub is going away",
  retryAfter: 1,
};
export const FULL_OF_TOPICS: Refusal = {
  code: "too-many-streams",
  status: 503,
  detail: "Open streams select as many topics as there may be (limits.selectionBytes)",
  retryAfter: 5,
};
export const REVOKED: Refusal = { code: "forbidden", status: 403, detail: "The subscription was revoked" };
export const FAILED: Refusal = {
  code: "failed",
  status: 503,
  detail: "The stream cannot be served now",
  retryAfter: 5,
};

export const INTERRUPTED: Refusal = {
  code: "failed",
  status: 503,
  detail: "The log cannot be followed now",
  retryAfter: 5,
};
