/**
 * Our own dialect: messages as the application makes them, then `event: end` with `{"complete":true}`, or `event: failed` with
 * `{"reason":…}`. They are two event types, so that a client that waits for `end` alone never takes a failure for the whole.
 * This module is browser compatible.
 */
import { type AnswerVerdict, type Dialect, failedFor, type Frame, objectOf, textAt } from "./dialect.ts";

/** A message with an event type and data. */
export interface TidingsItem {
  readonly event?: string | undefined;
  readonly data: unknown;
}

export function tidings(): Dialect<TidingsItem> {
  return own;
}

const own: Dialect<TidingsItem> = {
  name: "tidings",
  message: (item) => item as Frame,
  end: (verdict, { last }) => (last && own.verdictOf(last) ? [] : [endFrame(verdict)]),
  verdictOf(message) {
    if (message.event === "end") return { complete: true };
    if (message.event !== "failed") return undefined;
    const data = objectOf(message);
    return failedFor(textAt(data, "reason"), textAt(data, "message"));
  },
};

function endFrame(verdict: AnswerVerdict): Frame {
  if (verdict.complete) return { event: "end", data: verdict };
  const { complete: _, ...data } = verdict;
  return { event: "failed", data };
}
