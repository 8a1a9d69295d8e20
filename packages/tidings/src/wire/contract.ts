/**
 * What both ends agree that messages carry: event types, and for each the schema of its data. One map serves `connect`,
 * which reads it, and `openStream`, `createHub` and `createAnswers`, which write it.
 * Schemas: https://standardschema.dev, which Zod, Valibot and ArkType implement.
 * This module is browser compatible.
 */

/** Event types and their data: `{ price: Price; message: string }`. The key `message` is for messages without `event`. */
export type EventMap = Record<string, unknown>;

/** A place that takes no part in inferring `Type`. TypeScript has it as its own only since 5.4. */
export type NoInfer<Type> = [Type][Type extends unknown ? 0 : never];

/** As much of a Standard Schema as is used here: what goes out is its input, what a reader gets is its output. */
export interface Schema<Output = unknown, Input = Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | PromiseLike<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Event types and the schemas of their data; `message` is for messages without `event`. */
export type EventSchemas = { readonly [event: string]: Schema };

/** What is sent of each event type: the event map of a hub or a stream that is typed without its schemas, `createHub<DataOf<typeof events>>()`. */
export type DataOf<Schemas extends EventSchemas> = {
  [Event in keyof Schemas & string]: NonNullable<Schemas[Event]["~standard"]["types"]> extends {
    readonly input: infer Input;
  }
    ? Input
    : unknown;
};

/** What a subscriber with `envelope: true` gets of each event type: its data, and the topic it was published to. */
export type Enveloped<Events extends object = EventMap> = {
  [Event in keyof Events]: { readonly topic: string; readonly data: Events[Event] };
};

/** The schemas of an event map: what `events` is where the data is typed already. */
export type SchemasOf<Events extends object> = {
  readonly [Event in keyof Events]: Schema<unknown, Events[Event]>;
};

/** What is wrong, and where in the data: `bid: expected number; asks.0: expected number`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  return issues
    .map(({ message, path = [] }) => {
      const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
      return where ? `${where}: ${message}` : message;
    })
    .join("; ");
}
