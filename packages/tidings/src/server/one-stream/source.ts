/**
 * Sends what an iterable yields, asking it for the next only when the peer has taken the last.
 * This module is browser compatible.
 */
import type { EventStream } from "./event-stream.ts";
import type { OutgoingMessage } from "../message/outgoing-message.ts";
import type { EventMap } from "../../wire/contract.ts";

/** Messages to send, or a function that makes them: a generator, mostly. It is given the stream, for its `signal`. */
export type Source<Events extends object = EventMap> =
  | Messages<Events>
  | ((stream: EventStream<Events>) => Messages<Events> | Promise<Messages<Events>>);

type Messages<Events extends object> =
  | AsyncIterable<OutgoingMessage<Events>>
  | Iterable<OutgoingMessage<Events>>;

export function isSource(value: unknown): value is Source {
  return (
    typeof value === "function" ||
    (typeof value === "object" &&
      value !== null &&
      (Symbol.asyncIterator in value || Symbol.iterator in value))
  );
}

/**
 * Runs a source until it is done, then ends the stream; when the stream is over before, the source's `return` is called.
 * @param onFailure - Called with what the source threw, unless that only says that it was stopped.
 */
export async function pump(
  source: Source,
  stream: EventStream,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let stop: (() => void) | undefined;
  try {
    const messages = typeof source === "function" ? await source(stream) : source;
    const iterator: AsyncIterator<OutgoingMessage> | Iterator<OutgoingMessage> =
      Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
    stop = () => void returnFrom(iterator).catch((error: unknown) => fail(error));
    if (stream.closed) return stop();
    stream.signal.addEventListener("abort", stop);
    for (let result = await iterator.next(); ;) {
      if (stream.closed) return;
      if (result.done === true) break;
      let refused: { error: unknown } | undefined;
      try {
        stream.send(result.value);
      } catch (error) {
        refused = { error };
      }
      if (refused !== undefined) {
        // The mistake is the generator's, so it learns of it where it made it, and may go on.
        if (iterator.throw === undefined) throw refused.error;
        result = await iterator.throw(refused.error);
        continue;
      }
      await stream.ready;
      if (stream.closed) return;
      result = await iterator.next();
    }
    stream.signal.removeEventListener("abort", stop);
    stream.end();
  } catch (error) {
    if (stop !== undefined) stream.signal.removeEventListener("abort", stop);
    fail(error);
  }

  function fail(error: unknown): void {
    const { signal } = stream;
    if (signal.aborted && (error === signal.reason || (error as Error | undefined)?.name === "AbortError"))
      return;
    onFailure(error);
  }
}

async function returnFrom(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  await iterator.return?.();
}
