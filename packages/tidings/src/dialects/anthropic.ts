/**
 * The Messages stream of Anthropic: named events, of which `message_stop` is the end, and `error` a failure.
 * Reference: https://docs.anthropic.com/en/api/messages-streaming
 * This module is browser compatible.
 */
import {
  type Dialect,
  failedFor,
  failureText,
  objectOf,
  part,
  textAt,
  type Typed,
  typedItem,
} from "./dialect.ts";

/** An event such as `{ type: "content_block_delta", index, delta }`: a `RawMessageStreamEvent` of `@anthropic-ai/sdk`. */
export type AnthropicEvent = Typed;

export function anthropic(): Dialect<AnthropicEvent> {
  return dialect;
}

const dialect: Dialect<AnthropicEvent> = {
  name: "anthropic",
  message(item) {
    const { type } = typedItem("Anthropic", item, '{ type: "content_block_delta", index, delta }');
    return { event: type, data: item };
  },
  end(verdict, { last }) {
    if (last !== undefined && dialect.verdictOf(last) !== undefined) return [];
    if (verdict.complete) return [{ event: "message_stop", data: { type: "message_stop" } }];
    const error = { type: "api_error", message: failureText(verdict) };
    return [{ event: "error", data: { type: "error", error } }];
  },
  verdictOf(message) {
    if (message.event === "message_stop") return { complete: true };
    if (message.event !== "error") return undefined;
    const error = part(objectOf(message), "error");
    return failedFor(textAt(error, "type"), textAt(error, "message"));
  },
};
