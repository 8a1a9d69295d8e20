/**
 * A filter answers at once, for thousands of streams in one turn of the event loop. One that gives a promise has not answered:
 * it fails as one that throws does, and its promise is ignored.
 * This module is browser compatible.
 */
import { isThenable } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";
import { topicOfPresence } from "./reserved-topics.ts";
import type { MessageFilter } from "./topic-selection.ts";

const guarded = new WeakMap<MessageFilter, MessageFilter>();

/** The same for the same function, since streams with equal filters share what is made for them. */
export function synchronousFilter(filter: MessageFilter): MessageFilter {
  let checked = guarded.get(filter);
  if (checked === undefined) {
    checked = (message, topic) => {
      const wants: unknown = filter(message, topicOfPresence(topic) ?? topic);
      if (!isThenable(wants)) return Boolean(wants);
      Promise.resolve(wants).then(ignore, ignore);
      throw new TypeError(`Cannot filter: the filter returned ${show(wants)}, expected true or false`);
    };
    guarded.set(filter, checked);
  }
  return checked;
}
