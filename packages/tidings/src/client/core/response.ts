/**
 * What a response's status and type say: read it, come back, or stop.
 * This module is browser compatible.
 */
import type { TransportResponse } from "../transports/transport.ts";
import { EventStreamError } from "./event-stream-error.ts";

/**
 * @param strict - Whether only 200 is an answer. Default: any 2xx but 204 and 205, which have no body.
 * @returns Why the response is not read: its status or its type.
 */
export function judgeResponse(response: TransportResponse, strict?: boolean): EventStreamError | undefined {
  const { status, url } = response;
  const type = response.header("content-type");
  const answers = strict ? status === 200 : status === undefined || /^2(?!0[45])/.test(String(status));
  // Where the platform says neither, what comes is read.
  if (answers && ((status === undefined && type === null) || isEventStream(type))) return;
  const why = answers
    ? `content-type is ${JSON.stringify(type)}, expected text/event-stream`
    : `status is ${status}, expected 200`;
  return new EventStreamError(
    answers ? "content-type" : "status",
    `Cannot open event stream ${url}: ${why}`,
    { url, status, retryAfter: response.header("retry-after") },
  );
}

/** As the Fetch standard extracts a MIME type: of several in one header, the last that is one counts. */
function isEventStream(type: string | null): boolean {
  const types = (type || "").replace(/"[^"]*"?/g, "").split(",");
  const last = types.filter((one) => /^\s*[^\s/;]+\/[^\s/;]+\s*(;|$)/.test(one) && !/\*\/\*/.test(one)).pop();
  return /^\s*text\/event-stream\s*(;|$)/i.test(last || "");
}

/** Adds what the server said to the error of a refusal, as far as it came. */
export function quoteBody(refusal: EventStreamError, body: string | undefined): EventStreamError {
  if (!body) return refusal;
  const start = body.length > 200 ? `${body.slice(0, 200)}…` : body;
  return Object.assign(refusal, { body, message: `${refusal.message}: ${start}` });
}

/** How long the body of a refusal may take, so that a server which never ends it holds nobody. */
export const REFUSAL_BODY_MS = 2000;

/** What to do about a status: come back later, or stop. */
export type StatusTable = { readonly [status: number]: "return" | "stop" };

/**
 * Whether reconnecting cannot help.
 * @param statuses - The application's own table. It goes first, also for a 200 that is no event stream.
 * @param wasOpen - Whether this URL has answered with an event stream before. Another content type is then a passing fault, such as a
 *   maintenance page.
 */
export function isFatal(error: EventStreamError, statuses: StatusTable = {}, wasOpen?: boolean): boolean {
  const { code, status = 0 } = error;
  // The code that made the error decided it.
  if (error.willRetry === false) return true;
  if (code !== "status" && code !== "content-type") return /^(unsupported|too-large|handler)$/.test(code);
  const rule = statuses[status];
  if (rule) return rule === "stop";
  return code === "status" ? !/^(408|425|429|5..)$/.test(String(status)) : !wasOpen;
}
