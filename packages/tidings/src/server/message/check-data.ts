/**
 * Holds what is sent to the contract: data is checked as its reader will see it, from the text that goes out.
 * This module is browser compatible.
 */
import { ignore } from "../../guard/ignore.ts";
import { words } from "../../guard/unreadable.ts";
import {
  type EventMap,
  type EventSchemas,
  type Schema,
  type SchemaIssue,
  type SchemasOf,
  describeIssues,
} from "../../wire/contract.ts";

/** Given to whatever sends, as part of its options. */
export interface ContractOptions<Events extends object = EventMap> {
  /**
   * Event types and the schemas of their data, as a client's `connect` takes them: any Standard Schema, so Zod's, Valibot's,
   * ArkType's. They type what is sent; what differs between their input and output is sent as the input.
   */
  events?: SchemasOf<Events> | undefined;
  /**
   * Whether data is checked against `events` before it is sent, so that what does not fit is a TypeError here and not a message
   * that every reader drops. Default: true. It costs each message a `JSON.parse` and the schema; with false, `events` only types.
   */
  checkEvents?: boolean | undefined;
}

/**
 * @param text - What goes out as data.
 * @param isText - Whether text was given, and not a value that became JSON.
 * @throws {TypeError} If the event type is none of the contract's, or the data does not fit its schema.
 */
export type CheckData = (event: string, text: string, isText: boolean) => void;

/** @returns What checks a message, or nothing when nothing is to be checked. */
export function dataCheck({ events, checkEvents = true }: ContractOptions): CheckData | undefined {
  return events === undefined || !checkEvents
    ? undefined
    : (event, text, isText) => check(events, event, text, isText);
}

function check(events: EventSchemas, event: string, text: string, isText: boolean): void {
  const schema = Object.hasOwn(events, event) ? events[event] : undefined;
  if (schema === undefined) {
    const known = Object.keys(events).map((name) => JSON.stringify(name));
    throw new TypeError(
      `Cannot send message: event is ${JSON.stringify(event)}, expected ${known.join(" or ")}, which events names`,
    );
  }
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // Text that is not JSON goes out as it is, and its schema gets it so.
  }
  let issues = issuesOf(schema, event, value);
  // As the reader does it: text that looks like JSON may have been meant as text.
  if (issues !== undefined && isText && value !== text && issuesOf(schema, event, text) === undefined)
    issues = undefined;
  if (issues === undefined) return;
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  throw new TypeError(
    `Cannot send message ${JSON.stringify(event)}: data is ${shown}: ${describeIssues(issues)}`,
    {
      cause: issues,
    },
  );
}

function issuesOf(schema: Schema, event: string, value: unknown): readonly SchemaIssue[] | undefined {
  let result: ReturnType<Schema["~standard"]["validate"]>;
  try {
    result = schema["~standard"].validate(value);
    if (!("then" in result)) return result.issues;
  } catch (cause) {
    throw new TypeError(`Cannot send message ${JSON.stringify(event)}: its schema failed (${words(cause)})`, {
      cause,
    });
  }
  // Nobody will hear what it says.
  result.then(undefined, ignore);
  throw new TypeError(
    `Cannot send message ${JSON.stringify(event)}: its schema returned a promise, expected a result at once (with checkEvents: false, only the client checks)`,
  );
}
