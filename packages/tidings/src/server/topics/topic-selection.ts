/**
 * What a stream subscribes to: topics by name and by pattern.
 * A pattern is an object, so that text out of a request can never become one by itself.
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
import type { Selection } from "../../log/log.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { isReserved, presenceTopicOf, RESERVED, topicOfPresence } from "./reserved-topics.ts";
import { compileTopicPatterns, type TopicMatcher } from "./topic-pattern.ts";

/**
 * A topic, all topics that a pattern matches, or who joins and leaves a topic: `"book/1"`, `{ pattern: "book/:id" }`,
 * `{ presence: "book/1" }`. See topic-pattern.ts for the syntax.
 */
export type TopicSelector = string | { readonly pattern: string } | { readonly presence: string };

/** Says whether a stream wants a message. */
export type MessageFilter = (message: ParsedMessage, topic: string) => boolean;

/** A selection that knows its parts, so that equal ones can share what is made for them. */
export interface TopicSelection extends Selection {
  /** Equal for equal selections. */
  readonly key: string;
  readonly names: readonly string[];
  readonly patterns: readonly string[];
  /** Whether one of the patterns matches. Undefined when there are none. */
  readonly matchesPattern: TopicMatcher | undefined;
}

/** Bytes of UTF-8 in one topic at most: what every log can use as a key. */
export const MOST_TOPIC_BYTES = 1_024;

/**
 * @param selectors - One or more; duplicates are one.
 * @throws {TypeError} If there is none, or one is no topic or no pattern.
 * @throws {RangeError} If there are more than `mostTopics`, or one is longer than 1,024 bytes.
 */
export function selectTopics(selectors: readonly TopicSelector[], mostTopics: number): TopicSelection {
  if (!Array.isArray(selectors)) {
    throw new TypeError(
      `Cannot subscribe: topics is ${show(selectors)}, expected a list such as ["prices"] or [{ pattern: "book/:id" }]`,
    );
  }
  if (selectors.length === 0) {
    throw new TypeError("Cannot subscribe: there are no topics, expected an array of 1 or more");
  }
  if (selectors.length > mostTopics) {
    throw new RangeError(
      `Cannot subscribe: there are ${selectors.length} topics, expected ${mostTopics} or fewer`,
    );
  }
  const names = new Set<string>();
  const distinct = new Set<string>();
  for (const selector of selectors as readonly TopicSelector[]) {
    if (typeof selector === "object" && selector !== null && "presence" in selector) {
      names.add(checkLength("subscribe", presenceTopicOf(checkTopic("subscribe", selector.presence))));
    } else if (typeof selector === "object" && selector !== null) {
      checkTopic("subscribe", selector.pattern);
      distinct.add(selector.pattern);
    } else {
      names.add(checkTopic("subscribe", selector));
    }
  }
  const sortedNames = [...names].sort();
  const patterns = [...distinct].sort();
  const key = JSON.stringify([sortedNames, patterns]);
  if (patterns.length === 0) {
    const matches = (topic: string): boolean => names.has(topic);
    return { key, names: sortedNames, patterns, matchesPattern: undefined, exact: sortedNames, matches };
  }
  const compiled = compileTopicPatterns(patterns);
  // No pattern matches what is the hub's own.
  const matchesPattern = (topic: string): boolean => !isReserved(topic) && compiled.matches(topic);
  return {
    key,
    names: sortedNames,
    patterns,
    matchesPattern,
    exact: sortedNames,
    prefixes: compiled.prefixes,
    matches: (topic) => names.has(topic) || matchesPattern(topic),
    steps: compiled.steps,
  };
}

/** What a selection was made of, without duplicates. */
export function selectorsOf({ names, patterns }: TopicSelection): TopicSelector[] {
  const named = names.map((name) => {
    const presence = topicOfPresence(name);
    return presence === undefined ? name : { presence };
  });
  return [...named, ...patterns.map((pattern) => ({ pattern }))];
}

/** @throws {TypeError} If it selects presence, and the hub keeps none: nothing would ever come. */
export function checkPresenceKept(selection: TopicSelection, isKept: boolean): TopicSelection {
  if (isKept || !selection.names.some(isReserved)) return selection;
  throw new TypeError(
    "Cannot subscribe: topics has { presence }, and presence is off, expected createHub({ presence: true })",
  );
}

/** Equal for selectors that select the same. */
export function selectorKey(selector: TopicSelector): string {
  if (typeof selector === "string") return `name ${selector}`;
  return "presence" in selector ? `presence ${selector.presence}` : `pattern ${selector.pattern}`;
}

/** A control character, or half of a surrogate pair: not every log can store those, and no log can sort them alike. */
const NOT_IN_A_TOPIC = /[\p{Cc}\p{Surrogate}]/u;

/**
 * @throws {TypeError} If `topic` is not a string, is empty, is reserved, or has a control character or a lone surrogate.
 * @throws {RangeError} If it is longer than 1,024 bytes.
 */
export function checkTopic(action: string, topic: string): string {
  if (typeof topic !== "string" || topic === "") {
    throw new TypeError(`Cannot ${action}: topic is ${show(topic)}, expected a string that is not empty`);
  }
  if (NOT_IN_A_TOPIC.test(topic)) {
    throw new TypeError(
      `Cannot ${action}: topic is ${show(topic)}, expected well-formed text without control characters`,
    );
  }
  if (isReserved(topic)) {
    throw new TypeError(
      `Cannot ${action}: topic is ${show(topic)}, expected one that does not begin with ${RESERVED}: those are reserved for the hub`,
    );
  }
  return checkLength(action, topic);
}

/** @throws {RangeError} If it is longer than 1,024 bytes. */
function checkLength(action: string, topic: string): string {
  // A UTF-16 unit is three bytes at most, so that most topics need no counting.
  if (topic.length * 3 > MOST_TOPIC_BYTES) {
    const bytes = new TextEncoder().encode(topic).length;
    if (bytes > MOST_TOPIC_BYTES) {
      throw new RangeError(
        `Cannot ${action}: topic has ${bytes} bytes, expected ${MOST_TOPIC_BYTES} or fewer`,
      );
    }
  }
  return topic;
}
