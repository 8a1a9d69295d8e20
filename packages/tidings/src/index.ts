/**
 * The wire: `text/event-stream` to messages and back.
 * This module is browser compatible.
 */
export { encode, encodeComment } from "./wire/encode.ts";
export type { Message, ParsedMessage } from "./wire/message.ts";
export { MessageStream } from "./wire/message-stream.ts";
export { createParser, type Parser } from "./wire/parser.ts";
export type { ParserHandlers } from "./wire/text-parser.ts";
