/**
 * The state that a subscriber without a cursor, or with a gap, gets first: what the application's `snapshot` gives for each of
 * its topics, then an id. The messages have none, so that a subscriber that is cut off in their midst begins again.
 * This module is browser compatible.
 */
import { isThenable } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import { formatCursor } from "../../log/cursor.ts";
import { MAX_MESSAGE_BYTES } from "../../wire/handlers.ts";
import { idBlock } from "../out/batch.ts";
import type { CheckData } from "../message/check-data.ts";
import { envelop } from "../message/envelope.ts";
import { encodeOutgoing } from "../message/outgoing-message.ts";
import type { AskState } from "../streams/hub-stream.ts";
import { withTimeLimit } from "../time/time-limit.ts";
import { isReserved } from "../topics/reserved-topics.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

export interface SnapshotContext {
  readonly recent: { readonly epoch: string };
  /** What holds a snapshot to the contract, if there is one. */
  readonly checkData: CheckData | undefined;
  /** Milliseconds that the application may take for one topic. */
  readonly timeoutMs: number;
  /** Whether the subscriber gets the topics in the data. */
  readonly envelope?: boolean | undefined;
}

/**
 * Makes what asks for the state of a stream. It rejects with what the application did wrong.
 * @param topics - Those that are named. Patterns have no state.
 */
export function stateAsker(
  snapshot: NonNullable<SubscribeOptions["snapshot"]>,
  topics: readonly string[],
  { recent, checkData, timeoutMs, envelope }: SnapshotContext,
): AskState {
  return async (offset, signal) => {
    const { epoch } = recent;
    const cursor = formatCursor(epoch, offset);
    const parts: Uint8Array[] = [];
    for (const topic of topics) {
      if (isReserved(topic)) continue;
      if (signal.aborted) return parts;
      const asked = snapshot(topic, cursor, { signal });
      const state = isThenable(asked)
        ? await withTimeLimit(asked, timeoutMs, "subscribe", "snapshot", signal)
        : asked;
      if (state === undefined) continue;
      for (const message of Array.isArray(state) ? state : [state]) {
        if (typeof message !== "object" || message === null || isIterable(message)) {
          throw new TypeError(
            `Cannot subscribe: snapshot returned ${show(message)} for ${show(topic)}, expected a message such as { data }, a list of messages, or undefined`,
          );
        }
        const { id: _, ...withoutId } = message;
        const wrap = envelope ? (data: string) => envelop(topic, data) : undefined;
        const bytes = utf8.encode(encodeOutgoing(withoutId, checkData, wrap));
        if (bytes.length > MAX_MESSAGE_BYTES) {
          throw new RangeError(
            `Cannot subscribe: snapshot returned a message of ${bytes.length} bytes for ${show(topic)}, expected ${MAX_MESSAGE_BYTES} or fewer: clients give up at a longer one`,
          );
        }
        parts.push(bytes);
      }
    }
    parts.push(utf8.encode(idBlock(epoch, offset)));
    return parts;
  };
}

const utf8 = new TextEncoder();

/** A generator, say, whose messages nobody would ask for. */
function isIterable(value: object): boolean {
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}
