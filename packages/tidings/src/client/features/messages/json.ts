/**
 * Data that is JSON, decoded.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../../wire/message.ts";
import { EventStreamError } from "../../core/event-stream-error.ts";
import type { Core, Decoding, Feature } from "../../core/feature.ts";

/** A message whose `data` is decoded. */
export interface DecodedMessage<Event extends string = string, Data = unknown> {
  readonly event: Event;
  readonly data: Data;
  readonly id: string;
  /** Why `data` is the text as it came; only with `invalid: "emit"`. */
  readonly invalid?: EventStreamError;
}

/** The messages of a plain map from event types to their data: a union to be told apart by `event`. */
export type MessageIn<Events extends object> = {
  [Event in keyof Events & string]: DecodedMessage<Event, Events[Event]>;
}[keyof Events & string];

/** What happens to a message whose data is not what was expected. `onError` is called with each. Default: `"skip"`. */
export type Invalid = "skip" | "emit" | "throw";

/**
 * Decodes the data of each message as JSON.
 * @typeParam Events - Event types and their data, for types alone. Nothing is checked.
 */
export function json<Events extends object = Record<string, unknown>>(
  invalid: Invalid = "skip",
): Decoding<MessageIn<Events>> {
  const feature: Feature<unknown> = (core) => ({
    decode(message, isLast) {
      try {
        return { ...message, data: JSON.parse(message.data) as unknown };
      } catch (cause) {
        return refuse(core, message, isLast, invalid, cause, String(cause));
      }
    },
  });
  return feature as Decoding<MessageIn<Events>>;
}

/**
 * Does with a message what `invalid` says.
 * @param isLast - `until` is fulfilled. Such a message need not be data: OpenAI's `[DONE]` is not.
 */
export function refuse(
  core: Core,
  message: ParsedMessage,
  isLast: boolean,
  invalid: Invalid,
  cause: unknown,
  why: string,
): DecodedMessage | undefined {
  if (isLast) return;
  const { event, data } = message;
  const shown = data.length > 100 ? `${data.slice(0, 100)}…` : data;
  const error = new EventStreamError(
    "invalid",
    `Cannot take message ${JSON.stringify(event)}: data is ${JSON.stringify(shown)}: ${why}`,
    { cause },
  );
  if (invalid === "throw") throw error;
  core.report(error);
  return invalid === "emit" ? { ...message, invalid: error } : undefined;
}
