/**
 * The events of AG-UI, one JSON object a message: a run ends with `RUN_FINISHED` or `RUN_ERROR`.
 * Specification: https://docs.ag-ui.com/concepts/events
 * This module is browser compatible.
 */
import { type Dialect, failedFor, failureText, objectOf, textAt, type Typed, typedItem } from "./dialect.ts";

/** An event such as `{ type: "TEXT_MESSAGE_CONTENT", messageId, delta }`: a `BaseEvent` of `@ag-ui/core`. */
export type AgUiEvent = Typed;

export function agUi(): Dialect<AgUiEvent> {
  return dialect;
}

const dialect: Dialect<AgUiEvent> = {
  name: "ag-ui",
  message: (item) => ({
    data: typedItem("AG-UI", item, '{ type: "TEXT_MESSAGE_CONTENT", messageId, delta }'),
  }),
  end(verdict, { first, last }) {
    if (last !== undefined && dialect.verdictOf(last) !== undefined) return [];
    if (!verdict.complete) {
      return [{ data: { type: "RUN_ERROR", message: failureText(verdict), code: verdict.reason } }];
    }
    const started = objectOf(first);
    const threadId = textAt(started, "threadId") ?? "";
    const runId = textAt(started, "runId") ?? "";
    return [{ data: { type: "RUN_FINISHED", threadId, runId } }];
  },
  verdictOf(message) {
    if (!message.data.includes("RUN_FINISHED") && !message.data.includes("RUN_ERROR")) return undefined;
    const data = objectOf(message);
    if (textAt(data, "type") === "RUN_FINISHED") return { complete: true };
    return textAt(data, "type") === "RUN_ERROR"
      ? failedFor(textAt(data, "code"), textAt(data, "message"))
      : undefined;
  },
};
