/**
 * The parsers side by side, in one form: `parse(chunks, take)` reads a whole stream and calls `take(event, data, id)` for
 * each message. Each is used as its own documentation says. `id` is undefined where the parser does not show it.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Those that are slower by much, from bytes. */
export async function otherParsers(tidings) {
  const { getLines, getMessages } = await import("@microsoft/fetch-event-source/lib/esm/parse.js");
  const { events } = await import("fetch-event-stream");
  const { parseServerSentEvents } = await import("parse-sse");
  const { _iterSSEMessages } = await import("openai/core/streaming");
  const { EventSourceStream } = require("undici/lib/web/eventsource/eventsource-stream.js");
  return {
    tidings: (chunks, take) => {
      const parser = tidings.createParser({ onMessage: ({ event, data, id }) => take(event, data, id) });
      for (const chunk of chunks) parser.push(chunk);
    },
    "fetch-event-source": (chunks, take) => {
      const read = getLines(
        getMessages(
          () => {},
          () => {},
          ({ event, data, id }) => take(event || "message", data, id),
        ),
      );
      for (const chunk of chunks) read(chunk);
    },
    undici: (chunks, take) => {
      const stream = new EventSourceStream({
        eventSourceSettings: { lastEventId: "", origin: "", reconnectionTime: 3000 },
        push: ({ type, options }) => take(type, options.data, options.lastEventId),
      });
      for (const chunk of chunks)
        stream._transform(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), undefined, (error) => {
          if (error) throw error;
        });
    },
    "fetch-event-stream": async (chunks, take) => {
      for await (const { event, data, id } of events(new Response(streamOf(chunks))))
        take(event ?? "message", data, id);
    },
    "parse-sse": async (chunks, take) => {
      const response = new Response(streamOf(chunks), { headers: { "content-type": "text/event-stream" } });
      for await (const { type, data, lastEventId } of parseServerSentEvents(response))
        take(type, data, lastEventId);
    },
    openai: async (chunks, take) => {
      for await (const { event, data } of _iterSSEMessages(
        new Response(streamOf(chunks)),
        new AbortController(),
      )) {
        take(event ?? "message", data, undefined);
      }
    },
  };
}

export function streamOf(chunks) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < chunks.length) controller.enqueue(chunks[at++]);
      else controller.close();
    },
  });
}

/** How a message was got wrong, or undefined. */
export async function firstError(parse, chunks, messages) {
  let seen = 0;
  let error;
  await parse(chunks, (event, data, id) => {
    const expected = messages[seen++];
    if (error !== undefined) return;
    if (expected === undefined) error = `message ${seen} is one too many`;
    else if (event !== expected.event || data !== expected.data) error = `message ${seen} differs`;
    // Some give the block's own id alone, as a number even.
    else if (id !== undefined && id !== "" && String(id) !== expected.id)
      error = `the id of message ${seen} differs`;
  });
  return error ?? (seen === messages.length ? undefined : `${seen} messages instead of ${messages.length}`);
}
