/**
 * The wire: `text/event-stream` to messages and back.
 * This module is browser compatible.
 */
export { encode, encodeComment } from "./wire/encode.ts";
export { encodeBytes, encodeInto } from "./wire/encode-bytes.ts";
export { LimitError } from "./wire/limit-error.ts";
export type { Message, ParsedMessage } from "./wire/message.ts";
export { MessageStream } from "./wire/message-stream.ts";
export { type MessageSource, readBatches, readMessages, type ReadOptions } from "./wire/read-messages.ts";
export { createReader, type Reader, type ReaderOptions } from "./wire/reader.ts";
export { createParser, type DecodeUtf8, type Parser, type ParserEnd } from "./wire/parser.ts";
export type { ParserHandlers, ParserLimits } from "./wire/handlers.ts";
export { createUtf8Decoder, type Utf8Decoder } from "./wire/utf8.ts";
