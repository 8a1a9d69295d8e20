/**
 * A cursor in the data of the messages, for servers that send no `id`: OpenAI's `sequence_number`, Gemini's `event_id`.
 * This module is browser compatible.
 */
import { reportUncaught, tell } from "../../../guard/foreign.ts";
import { ignore } from "../../../guard/ignore.ts";
import type { ParsedMessage } from "../../../wire/message.ts";
import type { Feature } from "../../core/feature.ts";

/**
 * The name of a property of the message's JSON, or a function that returns the cursor of a message. A message without a cursor keeps the
 * one before it.
 */
export type CursorFrom = string | ((message: ParsedMessage) => string | number | null | undefined);

/** Takes the cursor from the data. It becomes the `id` of the message and the last event ID of the connection. */
export function cursorFrom(from: CursorFrom): Feature {
  return () => ({
    cursor(message) {
      let found: unknown;
      if (typeof from === "function") tell(reportUncaught, () => (found = from(message)));
      // Data that is no JSON, such as `[DONE]`, has none.
      else tell(ignore, () => (found = (JSON.parse(message.data) as Record<string, unknown>)[from]));
      if (typeof found === "number") return `${found}`;
      // What could be no header is no cursor.
      return typeof found === "string" && !/[\0-\b\n-\x1f\x7f]/.test(found) ? found : undefined;
    },
  });
}
