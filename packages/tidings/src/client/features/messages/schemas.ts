/**
 * Data that is checked by a schema: https://standardschema.dev, which Zod, Valibot and ArkType implement.
 * This module is browser compatible.
 */
import { wordsOf } from "../../core/event-stream-error.ts";
import { isThenable } from "../../../guard/foreign.ts";
import {
  describeIssues,
  type EventSchemas,
  type SchemaIssue,
  type SchemaResult,
} from "../../../wire/contract.ts";
import type { ParsedMessage } from "../../../wire/message.ts";
import type { Core, Decoding, Feature } from "../../core/feature.ts";
import { type DecodedMessage, type Invalid, refuse } from "./json.ts";

/** The messages of a map of schemas: a union to be told apart by `event`. */
export type MessageOf<Events extends EventSchemas> = {
  [Event in keyof Events & string]: DecodedMessage<
    Event,
    NonNullable<Events[Event]["~standard"]["types"]> extends { readonly output: infer Output }
      ? Output
      : unknown
  >;
}[keyof Events & string];

type Decoded = DecodedMessage | undefined;

/**
 * Decodes the data of each message as JSON and checks it. A schema that takes the text as it came gets that. Messages of event types
 * that are not in `events` are passed over.
 */
export function schemas<const Events extends EventSchemas>(
  events: Events,
  invalid: Invalid = "skip",
): Decoding<MessageOf<Events>> {
  const known = new Map(Object.entries(events));
  const feature: Feature<unknown> = (core) => ({
    decode(message, isLast) {
      const schema = known.get(message.event);
      return schema && check(core, message, isLast, invalid, schema["~standard"]);
    },
  });
  return feature as Decoding<MessageOf<Events>>;
}

function check(
  core: Core,
  message: ParsedMessage,
  isLast: boolean,
  invalid: Invalid,
  schema: EventSchemas[string]["~standard"],
): Decoded | PromiseLike<Decoded> {
  const { data } = message;
  const give = (value: unknown): Decoded => ({ ...message, data: value });
  const fail = (thrown: unknown) =>
    refuse(core, message, isLast, invalid, thrown, `its schema failed: ${wordsOf(thrown)}`);
  const refuseFor = (issues: readonly SchemaIssue[]) =>
    refuse(core, message, isLast, invalid, issues, describeIssues(issues));
  // A server sends strings as they are, so that only the schema can say whether JSON was meant.
  const asText = (issues: readonly SchemaIssue[]) => validate(data, () => refuseFor(issues));

  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return validate(data, refuseFor);
  }
  return validate(value, asText);

  function validate(
    candidate: unknown,
    otherwise: (issues: readonly SchemaIssue[]) => Decoded | PromiseLike<Decoded>,
  ): Decoded | PromiseLike<Decoded> {
    const take = (result: SchemaResult<unknown>) =>
      result.issues ? otherwise(result.issues) : give(result.value);
    let result: SchemaResult<unknown> | PromiseLike<SchemaResult<unknown>>;
    try {
      result = schema.validate(candidate);
      if (!isThenable(result)) return take(result);
    } catch (thrown) {
      return fail(thrown);
    }
    return Promise.resolve(result).then(take).then(undefined, fail);
  }
}
