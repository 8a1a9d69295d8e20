/**
 * What a response's status and type say: read it, come back, or stop.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { TransportResponse } from "./transports/transport.ts";

/** @returns Why the response is not read: its status or its type. */
export function judgeResponse(response: TransportResponse): EventStreamError | undefined {
  const { status, url } = response;
  const type = response.header("content-type");
  const refused = status !== undefined && status !== 200;
  // Where the platform tells neither, what comes is read.
  if (!refused && ((status === undefined && type === null) || /^\s*text\/event-stream\s*(;|$)/i.test(type!)))
    return;
  const why = refused
    ? `status is ${status}, expected 200`
    : `content-type is ${JSON.stringify(type)}, expected text/event-stream`;
  return new EventStreamError(
    refused ? "status" : "content-type",
    `Cannot open event stream ${url}: ${why}`,
    { url, status, retryAfter: response.header("retry-after") },
  );
}

/** Has the error of a refusal say what the server did, as far as it came. */
export function quoteBody(refusal: EventStreamError, body?: string | void): void {
  if (!body) return;
  const start = body.length > 200 ? `${body.slice(0, 200)}…` : body;
  Object.assign(refusal, { body, message: `${refusal.message}: ${start}` });
}

/** How long the body of a refusal may take, so that a server which never ends it holds nobody. */
export const REFUSAL_BODY_MS = 2000;

/** What to do about a status: come back later, or stop. */
export type StatusTable = { readonly [status: number]: "return" | "stop" };

/** Whether coming back cannot help. Unless `statuses` says otherwise, it can after 408, 425, 429 and 5xx. */
export function isFatal({ code, status = 0 }: EventStreamError, statuses: StatusTable = {}): boolean {
  return code === "status"
    ? (statuses[status] || (/^(408|425|429|5..)$/.test(String(status)) ? "return" : "stop")) === "stop"
    : /^(content-type|unsupported|too-large|handler)$/.test(code);
}

/** What `Retry-After` asks for, as seconds or as a date. */
export function retryAfterMsOf({ retryAfter }: EventStreamError, nowMs: number): number {
  const seconds = Number(retryAfter || 0);
  return seconds >= 0 ? seconds * 1000 : Date.parse(retryAfter!) - nowMs || 0;
}
