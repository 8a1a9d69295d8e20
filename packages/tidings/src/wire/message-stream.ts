/**
 * The parser as a web stream: `response.body.pipeThrough(new MessageStream())`.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "./message.ts";
import { createParser } from "./parser.ts";
import type { ReadOptions } from "./read-messages.ts";

/**
 * Bytes or strings in, messages out, at the reader's pace. What no blank line followed at the end is discarded, as the
 * standard says; `onEnd` is called with it. A {@link LimitError} or an error of a handler fails both sides.
 *
 * The two sides are joined here by hand. It has the shape of a TransformStream and is not made by its constructor, which
 * would take more than twice as long for each chunk.
 */
export class MessageStream implements TransformStream<Uint8Array | string, ParsedMessage> {
  readonly readable: ReadableStream<ParsedMessage>;
  readonly writable: WritableStream<Uint8Array | string>;

  /** @param options - Called for what is not a message: comments, ids, reconnection times, the end. And the limits. */
  constructor(options: ReadOptions = {}) {
    let out!: ReadableStreamDefaultController<ParsedMessage>;
    let into!: WritableStreamDefaultController;
    // Whether the reader asked for a message that has not come, and what lets the writer go on when it does.
    let wanted = false;
    let goOn: (() => void) | undefined;
    const parser = createParser(
      {
        ...options,
        onMessage(message) {
          wanted = false;
          out.enqueue(message);
        },
      },
      options,
    );
    parser.lastEventId = options.lastEventId ?? "";

    this.readable = new ReadableStream<ParsedMessage>(
      {
        start: (controller) => void (out = controller),
        pull() {
          wanted = true;
          goOn?.();
        },
        cancel(reason) {
          parser.reset();
          into.error(reason);
          goOn?.();
        },
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<Uint8Array | string>({
      start: (controller) => void (into = controller),
      write(chunk) {
        try {
          parser.push(chunk);
        } catch (error) {
          out.error(error);
          throw error;
        }
        return wanted ? undefined : new Promise((resolve) => (goOn = resolve));
      },
      close() {
        try {
          const end = parser.end();
          options.onEnd?.(end);
          out.close();
        } catch (error) {
          out.error(error);
          throw error;
        }
      },
      abort: (reason) => out.error(reason),
    });
  }
}
