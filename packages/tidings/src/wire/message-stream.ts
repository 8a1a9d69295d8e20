/**
 * The parser as a web stream: `response.body.pipeThrough(new MessageStream())`.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "./message.ts";
import { createParser } from "./parser.ts";
import type { ParserHandlers } from "./text-parser.ts";

/** Bytes or strings in, messages out. What no blank line followed at the end is discarded, as the standard says. */
export class MessageStream extends TransformStream<Uint8Array | string, ParsedMessage> {
  /** @param handlers - Called for what is not a message: comments, ids, reconnection times. */
  constructor(handlers: Omit<ParserHandlers, "onMessage"> = {}) {
    let parser: ReturnType<typeof createParser>;
    super({
      start(controller) {
        parser = createParser({ ...handlers, onMessage: (message) => controller.enqueue(message) });
      },
      transform(chunk) {
        parser.push(chunk);
      },
      flush() {
        parser.end();
      },
    });
  }
}
