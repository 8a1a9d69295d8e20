/**
 * The last message of a finite stream: with it the stream is complete, and without it something is missing.
 * This module is browser compatible.
 */
import { isThenable } from "../../../guard/foreign.ts";
import type { ParsedMessage } from "../../../wire/message.ts";
import { EventStreamError, explain } from "../../core/event-stream-error.ts";
import type { Feature, Last } from "../../core/feature.ts";

/** What `until` returns for a message that reports a failed answer. */
export interface Failed {
  readonly failed: unknown;
}

/** The last message: its event type, or a function that returns `true` for it, or `{ failed: reason }`. */
export type Until = string | ((message: ParsedMessage) => Said);
type Said = boolean | Failed | undefined | void;

/** Ends the connection with the message that `last` names: as complete, or with the verdict `"failed"`. */
export function until(last: Until): Feature {
  return () => ({
    until(message) {
      const said: Said | PromiseLike<Said> =
        typeof last === "string" ? message.event === last : last(message);
      return isThenable(said) ? (said as PromiseLike<Said>).then(verdictOf) : verdictOf(said);
    },
  });
}

function verdictOf(said: Said): Last {
  if (!said) return;
  if (typeof said !== "object" || !("failed" in said)) return { reason: "complete" };
  const { failed: cause } = said;
  const message = `The server says that its answer failed: ${explain(cause)}`;
  return { reason: "failed", cause: new EventStreamError("failed", message, { cause }) };
}
