/**
 * OpenAI's two streams, told apart by what the generator yields: chunks of chat completions, which end with `[DONE]`, and events
 * of the Responses API, which are named and end with `response.completed`. Most other providers speak the first.
 * Reference: https://platform.openai.com/docs/api-reference/streaming
 * This module is browser compatible.
 */
import {
  type AnswerVerdict,
  type Dialect,
  failedFor,
  failureText,
  type Frame,
  type MessageText,
  objectOf,
  part,
  textAt,
} from "./dialect.ts";

export function openai(): Dialect<object> {
  return dialect;
}

const DONE = "[DONE]";
/** Data of which something may say how the answer ended. */
const MAY_END = /"error"|"response\.(?:completed|failed|incomplete|cancelled)"/;

const dialect: Dialect<object> = {
  name: "openai",
  message(item): Frame {
    if (typeof item !== "object" || item === null) {
      throw new TypeError(
        `Cannot answer: the generator yielded a ${typeof item}, expected a chunk or an event of OpenAI's API. "[DONE]" is sent by the dialect`,
      );
    }
    const type = textAt(item, "type");
    return type === undefined ? { data: item } : { event: type, data: item };
  },
  end(verdict, { first, last }) {
    const said = last && dialect.verdictOf(last);
    const isResponses = textAt(objectOf(first), "type")?.startsWith("response.") === true;
    if (verdict.complete) return said === undefined ? [{ data: DONE }] : [];
    if (said !== undefined) return [];
    const message = failureText(verdict);
    if (!isResponses) {
      return [{ data: { error: { message, type: "server_error", param: null, code: verdict.reason } } }];
    }
    const sequence = objectOf(last)?.["sequence_number"];
    return [
      {
        event: "error",
        data: {
          type: "error",
          code: verdict.reason,
          message,
          param: null,
          sequence_number: typeof sequence === "number" ? sequence + 1 : 0,
        },
      },
    ];
  },
  verdictOf(message) {
    if (message.data === DONE) return { complete: true };
    return MAY_END.test(message.data) || message.event === "error" ? said(message) : undefined;
  },
};

function said(message: MessageText): AnswerVerdict | undefined {
  const data = objectOf(message);
  const error = part(data, "error");
  switch (textAt(data, "type")) {
    case "response.completed":
      return { complete: true };
    case "response.failed": {
      const cause = part(part(data, "response"), "error");
      return failedFor(textAt(cause, "code"), textAt(cause, "message"));
    }
    case "response.incomplete":
      return failedFor(
        textAt(part(part(data, "response"), "incomplete_details"), "reason") ?? "incomplete",
        undefined,
      );
    case "response.cancelled":
      return failedFor("stopped", undefined);
    case "error":
      return failedFor(
        textAt(data, "code") ?? textAt(error, "code"),
        textAt(data, "message") ?? textAt(error, "message"),
      );
    default:
      if (message.event !== "error" && (data?.["error"] ?? null) === null) return undefined;
      return failedFor(
        textAt(error, "code") ?? textAt(error, "type"),
        textAt(error, "message") ?? textAt(data, "error") ?? textAt(data, "message"),
      );
  }
}
