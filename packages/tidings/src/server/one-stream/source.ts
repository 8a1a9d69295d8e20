/**
 * Sends what an iterable yields, asking it for the next only when the peer has taken the last.
 * This module is browser compatible.
 */
import type { Report } from "../../guard/foreign.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import type { EventStream } from "./event-stream.ts";
import type { OutgoingMessage } from "../message/outgoing-message.ts";
import { isItems, type Items, readSource, type SourceReader } from "../message/read-source.ts";
import type { EventMap } from "../../wire/contract.ts";

/** Messages to send, or a function that makes them: a generator, mostly. It is given the stream, for its `signal`. */
export type Source<Events extends object = EventMap> =
  | Items<OutgoingMessage<Events>>
  | ((
      stream: EventStream<Events>,
    ) => Items<OutgoingMessage<Events>> | Promise<Items<OutgoingMessage<Events>>>);

export function isSource(value: unknown): value is Source {
  return typeof value === "function" || isItems(value);
}

/** Stops a source that nobody will read. One that a function would make is not made. */
export function discard(source: Source, stream: EventStream, report: Report): void {
  if (typeof source === "function") return;
  try {
    readSource(source, "send").stop(stream.signal.reason, report);
  } catch (error) {
    report(error);
  }
}

/** What was thrown may refuse to be read. */
function isAbort(error: unknown): boolean {
  try {
    return (error as Error | undefined)?.name === "AbortError";
  } catch {
    return false;
  }
}

/**
 * Runs a source until it is done, then ends the stream. When the stream is over before, the source is stopped: `return` is
 * called, a `ReadableStream` is cancelled.
 * @param onFailure - Called with what the source threw, unless that only says that it was stopped.
 */
export async function pump(
  source: Source,
  stream: EventStream,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let items: SourceReader<OutgoingMessage> | undefined;
  const stop = (): void => items?.stop(stream.signal.reason, fail);
  try {
    items = readSource(typeof source === "function" ? await source(stream) : source, "send");
    if (stream.closed) return stop();
    stream.signal.addEventListener("abort", stop);
    for (let result = await items.next(); ;) {
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
        if (items.throw === undefined) throw refused.error;
        // One that makes the same mistake for ever is alone with it.
        await new Promise<void>(inNextTurn);
        result = await items.throw(refused.error);
        continue;
      }
      // It gives way to others, also where the source never waits and the peer takes all.
      await stream.ready;
      if (stream.closed) return;
      result = await items.next();
    }
    stream.signal.removeEventListener("abort", stop);
    stream.end();
  } catch (error) {
    stream.signal.removeEventListener("abort", stop);
    fail(error);
    // It failed, or was refused what it gave: it may have something to clean up, and nothing more to say.
    items?.stop(error, () => undefined);
  }

  function fail(error: unknown): void {
    const { signal } = stream;
    if (signal.aborted && (error === signal.reason || isAbort(error))) return;
    onFailure(error);
  }
}
