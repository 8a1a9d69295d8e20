/**
 * Opens a stream with Tidings' `connect`.
 */
import { connect, type EventStreamError, type TransportResponse, type Verdict } from "tidings/client";
import { type Ending, type Failure, isCrossOrigin, type OpenStream } from "./stream-client.ts";

export const openWithConnect: OpenStream = (request, listener) => {
  const sendsBody = request.method !== "GET" && request.body !== "";
  const connection = connect(request.url, {
    method: request.method,
    headers: request.headers,
    ...(sendsBody && { body: request.body }),
    lastEventId: request.lastEventId,
    until: (message) => request.stopOn.includes(message.event),
    retry: { replay: request.replay },
    onMessage: (message) => listener.onMessage(message),
    onOpen: (response: TransportResponse) => listener.onOpen(response.status),
    onError: (error) => listener.onError(toFailure(error, request.url)),
    onState(state) {
      if (state !== "closed") listener.onState(state);
    },
  });
  void connection.ended.then((verdict) => listener.onEnd(toEnding(verdict)));
  return { stop: () => connection.close() };
};

export function toFailure(error: EventStreamError, url: string): Failure {
  const { code, message, status, willRetry = false } = error;
  return { code, message, status, willRetry, reason: reasonIn(error.body), crossOrigin: isCrossOrigin(url) };
}

const ENDINGS: Record<Verdict["reason"], Ending> = {
  complete: "complete",
  failed: "failed",
  truncated: "truncated",
  closed: "stopped",
  aborted: "stopped",
  "gave-up": "failed",
};

function toEnding(verdict: Verdict): Ending {
  return ENDINGS[verdict.reason];
}

const LONGEST_REASON = 300;

/** The reason in a refusal's body: JSON's `error`, `detail` (RFC 9457) or `message`, or the text itself unless it is a page. */
function reasonIn(body: string | undefined): string | undefined {
  if (!body) return undefined;
  let reason = body;
  try {
    const json = JSON.parse(body) as { error?: unknown; detail?: unknown; message?: unknown } | null;
    const told = json?.error ?? json?.detail ?? json?.message;
    if (typeof told === "string") reason = told;
  } catch {
    if (/^\s*</.test(body)) return undefined;
  }
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
}
