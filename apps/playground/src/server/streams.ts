/**
 * The event streams that are open now: where the demo's endpoints get theirs, and how all of them are ended at once.
 */
import { type EventStream, type NodeRequest, type NodeResponse, openStream } from "tidings/server";

/** Opens the event stream of a response. */
export type Open = (request: NodeRequest, response: NodeResponse) => EventStream;

export interface Streams {
  readonly open: Open;
  readonly size: number;
  /** Ends every open stream; the clients will be back. */
  endAll(): void;
}

export function createStreams(): Streams {
  const streams = new Set<EventStream>();
  return {
    open(request, response) {
      const stream = openStream(request, response);
      streams.add(stream);
      stream.signal.addEventListener("abort", () => streams.delete(stream), { once: true });
      return stream;
    },
    get size() {
      return streams.size;
    },
    endAll() {
      for (const stream of streams) stream.end();
    },
  };
}
