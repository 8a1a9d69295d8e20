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
  return /(^|,)\s*text\/event-stream\s*(;[^,]*)?(,(\s*\*\/\*[^,]*|[^,/]*))*$/i.test(
    (type || "").replace(/"[^"]*"?/g, ""),
  );
}

/**
 * Whether reconnecting cannot help.
 * @param wasOpen - Whether this URL has answered with an event stream before. Another content type is then a passing fault, such as a
 *   maintenance page.
 */
export function isFatal({ code, status, willRetry }: EventStreamError, wasOpen: boolean): boolean {
  // What made the error, or a feature, decided it.
  if (willRetry !== undefined) return !willRetry;
  if (code === "status") return !/^(408|425|429|5..)$/.test(String(status));
  return code === "content-type" ? !wasOpen : /^(unsupported|too-large|handler)$/.test(code);
}
