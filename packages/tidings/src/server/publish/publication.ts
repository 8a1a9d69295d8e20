/**
 * What an application publishes.
 * This module is browser compatible.
 */
import type { EventMap } from "../../wire/contract.ts";

/**
 * A message to publish: one of the events of `Events`, with its data. The hub gives it its `id`.
 * `key` says what it replaces: for a reader that is too slow, the newest message of a topic and key may stand for the older.
 */
export type Publication<Events extends object = EventMap> = string extends keyof Events
  ? { readonly event?: string | undefined; readonly data: unknown; readonly key?: string | undefined }
  : {
      [Type in keyof Events & string]: Named<Type> & {
        readonly data: Events[Type];
        readonly key?: string | undefined;
      };
    }[keyof Events & string];

type Named<Type extends string> = "message" extends Type
  ? { readonly event?: Type | undefined }
  : { readonly event: Type };
