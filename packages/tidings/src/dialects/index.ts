/**
 * Dialects: how an answer is framed for one kind of client, and how its verdict is read. Both ends use them.
 * This module is browser compatible.
 */
export { a2a, type A2aOptions } from "./a2a.ts";
export { agUi, type AgUiEvent } from "./ag-ui.ts";
export { aiSdk, type AiSdkPart } from "./ai-sdk.ts";
export { anthropic, type AnthropicEvent } from "./anthropic.ts";
export type { AnswerContext, AnswerVerdict, Dialect, Frame, MessageText } from "./dialect.ts";
export { openai } from "./openai.ts";
export { tidings, type TidingsItem } from "./tidings.ts";
