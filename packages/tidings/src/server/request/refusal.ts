/**
 * Answers a request that gets no stream: a status that makes an `EventSource` stop or come back, and the reason as JSON
 * for those who can read it (RFC 9457).
 * This module is browser compatible.
 */
import { ignore } from "../../guard/ignore.ts";
import type { Report } from "../../guard/foreign.ts";
import type { FastifyReply, NodeResponse } from "./http-types.ts";
import { cutResponse, handleRejection } from "../../guard/cut-response.ts";
import { takeOver } from "./take-over.ts";

/**
 * - `"bad-topics"` 400: no topic, too many, or none that can be.
 * - `"bad-id"` 400: an answer's id that is no text, or empty.
 * - `"bad-method"` 405: see `methods`. OPTIONS is answered with 204.
 * - `"unauthorized"` 401, `"forbidden"` 403: as `authorize` said.
 * - `"gap"` 412: messages are lost and `onGap` is `"fail"`: load the state anew, then subscribe without a cursor.
 * - `"too-many-streams"` 429: of one address or one subscriber. 503: of the hub.
 * - `"too-many-answers"` 429: of one subscriber. 503: of the process.
 * - `"gone"` 410: an answer that is no longer kept; 404: one that nobody has begun, to HEAD.
 * - `"draining"` 503: the hub is going away.
 * - `"failed"` 500: the application called us with wrong options. 503: the log could not be read, or `authorize` or `snapshot` failed.
 */
export type RefusalCode =
  | "bad-topics"
  | "bad-id"
  | "bad-method"
  | "unauthorized"
  | "forbidden"
  | "gap"
  | "too-many-streams"
  | "too-many-answers"
  | "draining"
  | "gone"
  | "failed";

export interface Refusal {
  readonly code: RefusalCode;
  readonly status: number;
  readonly detail: string;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * A refusal with the response headers of the application, such as those of CORS: without them a browser's page sees a network
 * error in place of the status. What they say of the event stream itself is left out.
 */
export function withAppHeaders(
  refusal: Refusal,
  headers: Readonly<Record<string, string | readonly string[]>>,
): Refusal {
  const kept = Object.entries(headers).filter(([name]) => !/^(?:content-|cache-control$)/i.test(name));
  if (kept.length === 0) return refusal;
  const own = Object.keys(refusal.headers ?? {}).map((name) => name.toLowerCase());
  const more = kept.filter(([name]) => !own.includes(name.toLowerCase()));
  return { ...refusal, headers: { ...Object.fromEntries(more), ...refusal.headers } };
}

/** Never throws: a response that was begun meanwhile, by a time limit of the application say, is left as it is. */
export function refuseNode(given: NodeResponse | FastifyReply, refusal: Refusal, report: Report): void {
  const { headers, body } = expressed(refusal);
  answerNode(given, refusal.status, headers, body, report);
}

/** 204: nothing more will come, which makes an `EventSource` stop. Never throws. */
export function endNode(
  given: NodeResponse | FastifyReply,
  report: Report,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerNode(given, 204, headers, undefined, report);
}

function answerNode(
  given: NodeResponse | FastifyReply,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>>,
  body: Uint8Array | undefined,
  report: Report,
): void {
  let response: NodeResponse | undefined;
  try {
    response = takeOver(given);
    if (response.headersSent || response.writableEnded) return;
    response.on("error", ignore);
    response.statusCode = status;
    for (const name of FRAMING) response.removeHeader(name);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    handleRejection((response as { end(body?: Uint8Array): unknown }).end(body), report);
  } catch (error) {
    // The application's own middleware may have wrapped any of these. Its peer must not wait for an answer that never comes.
    report(error);
    cutResponse(response ?? ("raw" in given ? given.raw : given));
  }
}

/** How a body is delimited. Where the application has set this for a stream, it would contradict what is sent instead. */
const FRAMING = ["content-length", "transfer-encoding", "trailer"];

export function refuseFetch(refusal: Refusal): Response {
  const { headers, body } = expressed(refusal);
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === "string" ? [value] : value) all.append(name, one);
  }
  return new Response(body ?? null, { status: refusal.status, headers: all });
}

function expressed({ status, code, detail, retryAfter, headers }: Refusal): {
  headers: Record<string, string | readonly string[]>;
  body: Uint8Array<ArrayBuffer> | undefined;
} {
  if (status === 204) return { headers: { ...headers }, body: undefined };
  const body = new TextEncoder().encode(`${JSON.stringify({ status, code, detail })}\n`);
  return {
    body,
    headers: {
      "content-type": "application/problem+json",
      "content-length": String(body.length),
      "cache-control": "no-store",
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      ...headers,
    },
  };
}
