/**
 * Turns a message's text into what the application works with: JSON, and checked by a schema where there is one.
 * Schemas: https://standardschema.dev, which Zod, Valibot and ArkType implement.
 * This module is browser compatible.
 */
import { describeIssues, type EventSchemas, type SchemaIssue, type SchemaResult } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { EventStreamError } from "./event-stream-error.ts";
import { isThenable } from "./settle.ts";

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

type Issues = readonly SchemaIssue[];
type Decoded = DecodedMessage | undefined;

/** @returns What decodes a message: to nothing when its event type is not in `events`, or when it is invalid and skipped. */
export function decoder(options: DecodeOptions): (message: ParsedMessage) => Decoded | PromiseLike<Decoded> {
  const { events, invalid, onError } = options;
  const schemas = events && new Map(Object.entries(events));
  return (message) => {
    const { event, data } = message;
    const schema = schemas?.get(event);
    if (schemas && !schema) return;
    let value: unknown = data;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      // A server sends strings as they are, so that only the schema can say whether one was meant.
      if (!schema) return refuse(cause);
    }
    if (!schema) return { ...message, data: value };
    return check(value, (issues) => (value === data ? refuse(issues) : check(data, () => refuse(issues))));

    function check(
      candidate: unknown,
      otherwise: (issues: Issues) => Decoded | PromiseLike<Decoded>,
    ): Decoded | PromiseLike<Decoded> {
      const take = (result: SchemaResult<unknown>) =>
        result.issues ? otherwise(result.issues) : { ...message, data: result.value };
      const result = schema!["~standard"].validate(candidate);
      return isThenable(result) ? result.then(take) : take(result);
    }

    function refuse(cause: unknown): Decoded {
      const why = Array.isArray(cause) ? describeIssues(cause as Issues) : String(cause);
      const shown = data.length > 100 ? `${data.slice(0, 100)}…` : data;
      const error = new EventStreamError(
        "invalid",
        `Cannot take message ${JSON.stringify(event)}: data is ${JSON.stringify(shown)}: ${why}`,
        { cause },
      );
      if (invalid === "throw") throw error;
      onError?.(error);
      if (invalid === "emit") return { ...message, invalid: error };
    }
  };
}
