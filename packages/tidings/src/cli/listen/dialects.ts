/**
 * How answers of language models are framed: what of a message is text, what it cost, and when it is over.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import { jsonOf, valueAt } from "./json-path.ts";

export type DialectName = "ai-sdk" | "openai" | "anthropic";

/** What one message means. Each field is absent where it says nothing of it. */
export interface Piece {
  /** Text of the answer. */
  readonly text?: string;
  /** Text of the reasoning that goes before it. */
  readonly reasoning?: string;
  /** Something that happened besides: a tool was called. */
  readonly note?: string;
  /** Tokens, as far as they are known. */
  readonly usage?: { readonly input?: number; readonly output?: number };
  /** Why the model stopped. */
  readonly stop?: string;
  /** The answer failed, and how. */
  readonly error?: string;
  /** The answer is over, well or not. */
  readonly end?: boolean;
}

/** The names that `--as` takes. */
export const DIALECTS: readonly DialectName[] = ["ai-sdk", "openai", "anthropic"];

export const READ: Readonly<Record<DialectName, (message: ParsedMessage) => Piece>> = {
  "ai-sdk": readAiSdk,
  openai: readOpenAi,
  anthropic: readAnthropic,
};

/** The AI SDK's UI message stream. https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol */
function readAiSdk({ data }: ParsedMessage): Piece {
  if (data === "[DONE]") return { end: true };
  const json = jsonOf(data);
  const at = (...path: string[]): unknown => valueAt(json, path);
  switch (at("type")) {
    case "text-delta":
      return { text: textOf(at("delta")) };
    case "reasoning-delta":
      return { reasoning: textOf(at("delta")) };
    case "tool-input-available":
      return { note: `tool ${textOf(at("toolName"))} ${JSON.stringify(at("input")) ?? ""}` };
    case "tool-output-error":
      return { note: `tool failed: ${textOf(at("errorText"))}` };
    case "error":
      return { error: textOf(at("errorText")) };
    case "abort":
      return { error: "the server aborted the answer" };
    case "message-metadata":
    case "finish": {
      const usage = at("messageMetadata", "usage") ?? at("messageMetadata", "totalUsage");
      return {
        ...(usage !== undefined && {
          usage: tokens(valueAt(usage, ["inputTokens"]), valueAt(usage, ["outputTokens"])),
        }),
        ...(at("type") === "finish" && { stop: textOf(at("finishReason") ?? "stop") }),
      };
    }
    default:
      return {};
  }
}

/** Chat completions, and the typed events of the Responses API. */
function readOpenAi({ event, data }: ParsedMessage): Piece {
  if (data === "[DONE]") return { end: true };
  const json = jsonOf(data);
  const at = (...path: (string | number)[]): unknown => valueAt(json, path);
  const type = at("type") ?? event;
  const failure =
    at("error", "message") ??
    at("response", "error", "message") ??
    (type === "error" ? at("message") : undefined);
  if (failure !== undefined && failure !== null)
    return { error: textOf(failure), ...(type !== "message" && { end: true }) };
  switch (type) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      return { text: textOf(at("delta")) };
    case "response.reasoning_text.delta":
    case "response.reasoning_summary_text.delta":
      return { reasoning: textOf(at("delta")) };
    case "response.function_call_arguments.done":
      return { note: `tool ${textOf(at("name") ?? "")} ${textOf(at("arguments"))}` };
    case "response.completed":
    case "response.incomplete":
      return {
        usage: tokens(at("response", "usage", "input_tokens"), at("response", "usage", "output_tokens")),
        stop: textOf(
          at("response", "incomplete_details", "reason") ?? at("response", "status") ?? "completed",
        ),
        end: true,
      };
    case "response.failed":
      return { error: "the response failed", end: true };
    default:
  }
  const delta = at("choices", 0, "delta");
  const called = valueAt(delta, ["tool_calls", 0, "function", "name"]);
  const stop = at("choices", 0, "finish_reason");
  const reasoning = valueAt(delta, ["reasoning_content"]) ?? valueAt(delta, ["reasoning"]);
  return {
    ...(typeof valueAt(delta, ["content"]) === "string" && { text: textOf(valueAt(delta, ["content"])) }),
    ...(typeof reasoning === "string" && { reasoning }),
    ...(typeof called === "string" && { note: `tool ${called}` }),
    ...(typeof stop === "string" && { stop }),
    ...(typeof at("usage") === "object" && {
      usage: tokens(at("usage", "prompt_tokens"), at("usage", "completion_tokens")),
    }),
  };
}

/** The Messages API. https://docs.anthropic.com/en/docs/build-with-claude/streaming */
function readAnthropic({ data }: ParsedMessage): Piece {
  const json = jsonOf(data);
  const at = (...path: string[]): unknown => valueAt(json, path);
  switch (at("type")) {
    case "message_start":
      return { usage: tokens(at("message", "usage", "input_tokens"), undefined) };
    case "content_block_start":
      return at("content_block", "type") === "tool_use"
        ? { note: `tool ${textOf(at("content_block", "name"))}` }
        : {};
    case "content_block_delta":
      if (at("delta", "type") === "text_delta") return { text: textOf(at("delta", "text")) };
      if (at("delta", "type") === "thinking_delta") return { reasoning: textOf(at("delta", "thinking")) };
      return {};
    case "message_delta": {
      const stop = at("delta", "stop_reason");
      return {
        usage: tokens(at("usage", "input_tokens"), at("usage", "output_tokens")),
        ...(typeof stop === "string" && { stop }),
      };
    }
    case "message_stop":
      return { end: true };
    case "error":
      return { error: `${textOf(at("error", "type"))}: ${textOf(at("error", "message"))}`, end: true };
    default:
      return {};
  }
}

function tokens(input: unknown, output: unknown): NonNullable<Piece["usage"]> {
  return {
    ...(typeof input === "number" && { input }),
    ...(typeof output === "number" && { output }),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
