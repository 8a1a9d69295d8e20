/**
 * Turns a message's text into what the application works with: JSON, and checked by a schema where there is one.
 * Schemas: https://standardschema.dev, which Zod, Valibot and ArkType implement.
 * This module is browser compatible.
 */
import type { EventSchemas, Schema, SchemaIssue, SchemaResult } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { isThenable } from "./request.ts";

/** A message whose `data` is decoded. */
export interface DecodedMessage<Event extends string = string, Data = unknown> {
  readonly event: Event;
  readonly data: Data;
  readonly id: string;
  /** Why `data` is the text as it came; only with `invalid: "emit"`. */
  readonly invalid?: EventStreamError;
}

/** The messages of a map: a union to be told apart by `event`. */
export type MessageOf<Events extends EventSchemas> = {
  [Event in keyof Events & string]: DecodedMessage<
    Event,
    NonNullable<Events[Event]["~standard"]["types"]> extends { readonly output: infer Output }
      ? Output
      : unknown
  >;
}[keyof Events & string];

export interface DecodeOptions {
  json?: boolean | undefined;
  events?: EventSchemas | undefined;
  invalid?: "skip" | "emit" | "throw" | undefined;
  /** Told of each message whose data is not what was expected, whatever becomes of it. */
  onError?: ((error: EventStreamError) => void) | undefined;
}

type Decoded = DecodedMessage | undefined;

/** @returns What decodes a message: to nothing when its event type is not in `events`, or when it is invalid and skipped. */
export function decoder(options: DecodeOptions): (message: ParsedMessage) => Decoded | PromiseLike<Decoded> {
  const { events, invalid = "skip", onError } = options;
  return (message) => {
    const { event, data, id } = message;
    const schema = events && Object.prototype.hasOwnProperty.call(events, event) ? events[event] : undefined;
    if (events && !schema) return;
    let value: unknown = data;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      // A server sends strings as they are, so that only the schema can say whether one was meant.
      if (!schema) return refuse(cause);
    }
    if (!schema) return { event, data: value, id };
    return check(schema, value, (issues) =>
      value === data ? refuse(issues) : check(schema, data, () => refuse(issues)),
    );

    function check(
      against: Schema,
      candidate: unknown,
      otherwise: (issues: unknown) => Decoded | PromiseLike<Decoded>,
    ) {
      const take = (result: SchemaResult<unknown>) =>
        result.issues ? otherwise(result.issues) : { event, data: result.value, id };
      const result = against["~standard"].validate(candidate);
      return isThenable(result) ? result.then(take) : take(result);
    }

    function refuse(cause: unknown): Decoded {
      const what = Array.isArray(cause)
        ? cause.map((issue: SchemaIssue) => issue.message).join("; ")
        : String(cause);
      const shown = data.length > 100 ? `${data.slice(0, 100)}…` : data;
      const error = new EventStreamError(
        "invalid",
        `Cannot take message ${JSON.stringify(event)}: data is ${JSON.stringify(shown)}: ${what}`,
        { cause },
      );
      if (invalid === "throw") throw error;
      onError?.(error);
      if (invalid === "emit") return { event, data, id, invalid: error };
    }
  };
}
