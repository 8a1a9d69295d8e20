/**
 * What is expected of a stream, by what it is for.
 */
import { jsonOf, valueAt } from "../listen/json-path.ts";
import type { SeenMessage } from "./examine/observation.ts";

export type ProfileName = "sse" | "mercure" | "ai-sdk" | "openai" | "anthropic" | "mcp";

export interface Profile {
  readonly name: ProfileName;
  /** Whether it ends by itself, and is not resumed by ids. */
  readonly finite: boolean;
  /** The request that shows it, where a GET does not. */
  readonly method?: "POST";
  readonly body?: string;
  readonly accept?: string;
  /** Headers that the response must have. */
  readonly headers?: readonly (readonly [name: string, value: RegExp])[];
  /** @returns What is wrong with a message. */
  message?(message: SeenMessage): string | undefined;
  /** Whether a message ends the stream well. */
  isLast?(message: SeenMessage): boolean;
  /** What the last message is called. */
  readonly last?: string;
}

const isJson = ({ data }: SeenMessage): boolean => jsonOf(data) !== undefined;
const typeOf = ({ data }: SeenMessage): unknown => valueAt(jsonOf(data), ["type"]);

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  sse: { name: "sse", finite: false },
  mercure: {
    name: "mercure",
    finite: false,
    message: ({ id }) => (id === "" ? "an update without an id, which Mercure requires" : undefined),
  },
  "ai-sdk": {
    name: "ai-sdk",
    finite: true,
    method: "POST",
    headers: [["x-vercel-ai-ui-message-stream", /^v1$/]],
    message(message) {
      if (message.data === "[DONE]") return undefined;
      if (!isJson(message) || typeof typeOf(message) !== "string") {
        return "data that is no part of a UI message: the AI SDK throws AI_TypeValidationError";
      }
      return undefined;
    },
    isLast: ({ data }) => data === "[DONE]",
    last: "data: [DONE]",
  },
  openai: {
    name: "openai",
    finite: true,
    method: "POST",
    message: (message) =>
      message.data === "[DONE]" || isJson(message)
        ? undefined
        : "data that is neither JSON nor [DONE], at which the SDK throws",
    isLast: (message) =>
      message.data === "[DONE]" || /^response\.(completed|incomplete|failed)$/.test(String(typeOf(message))),
    last: "data: [DONE], or response.completed",
  },
  anthropic: {
    name: "anthropic",
    finite: true,
    method: "POST",
    message: (message) =>
      isJson(message) && typeOf(message) === message.event
        ? undefined
        : "an event whose type is not that of its data",
    isLast: (message) => typeOf(message) === "message_stop" || typeOf(message) === "error",
    last: "message_stop",
  },
  mcp: {
    name: "mcp",
    finite: true,
    method: "POST",
    accept: "application/json, text/event-stream",
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "tidings-doctor", version: "1" },
      },
    }),
    // The first message of a resumable stream has an id and no data.
    message: (message) =>
      message.data === "" || valueAt(jsonOf(message.data), ["jsonrpc"]) === "2.0"
        ? undefined
        : "data that is no JSON-RPC message",
    isLast: (message) => valueAt(jsonOf(message.data), ["id"]) === 1,
    last: "the response to the request",
  },
};
