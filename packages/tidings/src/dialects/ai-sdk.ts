/**
 * The UI message stream of the Vercel AI SDK, versions 5 to 7: what `useChat` and `DefaultChatTransport` read. Every message is
 * one JSON part, then `[DONE]`. The generator may return `result.toUIMessageStream()` as it is.
 * Protocol: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
 * This module is browser compatible.
 */
import { type Dialect, failedFor, failureText, objectOf, textAt, type Typed, typedItem } from "./dialect.ts";

/** A part of a UI message, such as `{ type: "text-delta", id, delta }`: a `UIMessageChunk` of the `ai` package. */
export type AiSdkPart = Typed;

export function aiSdk(): Dialect<AiSdkPart> {
  return dialect;
}

const DONE = "[DONE]";

const dialect: Dialect<AiSdkPart> = {
  name: "ai-sdk",
  headers: { "x-vercel-ai-ui-message-stream": "v1" },
  message: (item) => ({ data: typedItem("the AI SDK", item, '{ type: "text-delta", id, delta }') }),
  end(verdict, { last }) {
    // The reason of a stop is "abort" for these clients, and no error.
    if (verdict.complete || dialect.verdictOf(last ?? NONE) !== undefined) return [{ data: DONE }];
    return verdict.reason === "stopped"
      ? [{ data: { type: "abort", reason: failureText(verdict) } }, { data: DONE }]
      : [{ data: { type: "error", errorText: failureText(verdict) } }, { data: DONE }];
  },
  verdictOf(message) {
    if (message.data === DONE) return { complete: true };
    if (!message.data.includes('"error"') && !message.data.includes('"abort"')) return undefined;
    const data = objectOf(message);
    if (textAt(data, "type") === "error") return failedFor("failed", textAt(data, "errorText"));
    return textAt(data, "type") === "abort" ? failedFor("stopped", textAt(data, "reason")) : undefined;
  },
};

const NONE = { event: "message", data: "" };
