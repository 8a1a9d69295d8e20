/**
 * What a response's status and type say: read it, come back, or stop.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { TransportResponse } from "./transports/transport.ts";

/** @returns Why the response is not read: its status or its type. */
export function judgeResponse(response: TransportResponse): EventStreamError | undefined {
  const { status, url } = response;
  if (status !== undefined && (status < 200 || status > 299 || status === 204 || status === 205)) {
    const facts = { url, status, retryAfter: response.header("retry-after") };
    return new EventStreamError(
      "status",
      `Cannot open event stream ${url}: status is ${status}, expected 200`,
      facts,
    );
  }
  const type = response.header("content-type");
  if (status === undefined && type === null) return;
  if (!/^\s*text\/event-stream\s*(;|$)/i.test(type || "")) {
    return new EventStreamError(
      "content-type",
      `Cannot open event stream ${url}: content-type is ${JSON.stringify(type)}, expected text/event-stream`,
      { url, status },
    );
  }
}

/** What to do about a status: come back later, or stop. */
export type StatusTable = { readonly [status: number]: "return" | "stop" };

/** Whether coming back cannot help. Unless `statuses` says otherwise, it can after 408, 425, 429 and 5xx. */
export function isFatal({ code, status = 0 }: EventStreamError, statuses: StatusTable = {}): boolean {
  if (code === "status") {
    const told = statuses[status];
    return told ? told === "stop" : !(status >= 500 || status === 408 || status === 425 || status === 429);
  }
  return ["content-type", "unsupported", "too-large", "invalid", "handler"].indexOf(code) >= 0;
}

/** What `Retry-After` asks for, as seconds or as a date. */
export function retryAfterMsOf(error: EventStreamError, nowMs: number): number | undefined {
  const { retryAfter } = error;
  if (!retryAfter) return;
  const ms = /^\s*\d+\s*$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return ms > 0 ? ms : undefined;
}
