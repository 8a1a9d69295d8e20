/**
 * A connection's messages as a stream of the platform's.
 * This module is browser compatible.
 */
import type { Connection } from "./core/connection.ts";

/** The messages of a connection as a stream, for one reader, as in `for await`. Cancelling it closes the connection. */
export function toReadable<Message>(connection: Connection<Message>): ReadableStream<Message> {
  const iterator = connection[Symbol.asyncIterator]();
  return new ReadableStream<Message>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => connection.close(),
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  );
}
