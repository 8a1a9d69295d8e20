/**
 * Topic patterns: the part of URL Pattern that makes sense for a topic, matched in linear time, all together.
 * `:name` is one or more characters other than `/`; `*` is any characters, also none; `\` takes the next character as it is.
 * What URL Pattern has besides (groups, regular expressions, modifiers) is refused, not misread.
 * Standard: https://urlpattern.spec.whatwg.org/#pattern-strings
 * This module is browser compatible.
 */

import { show } from "../../guard/show.ts";
import { PatternAutomaton, type PatternToken } from "./pattern-automaton.ts";

/** Returns whether the whole topic is matched. */
export type TopicMatcher = (topic: string) => boolean;

/** Wildcards in one pattern. */
const MOST_WILDCARDS = 16;
/** Wildcards in all patterns that are matched together: what bounds the states of their automaton. */
const MOST_WILDCARDS_TOGETHER = 256;

/** Patterns that are matched together. */
export interface CompiledPatterns {
  /** Whether any of them matches. Its time grows with the topic, not with the number of patterns. */
  readonly matches: TopicMatcher;
  /** For each pattern, what all topics begin with that it matches: its text before the first wildcard. */
  readonly prefixes: readonly string[];
  /** What has been spent on matching so far, in characters that were matched. */
  readonly steps: () => number;
}

/**
 * Compiles one pattern.
 * @throws {TypeError} If it is empty, or uses what is not supported.
 */
export function compileTopicPattern(pattern: string): TopicMatcher {
  return compileTopicPatterns([pattern]).matches;
}

/**
 * Compiles patterns into one matcher. Nothing is built before a topic asks for it.
 * @throws {TypeError} If a pattern is empty, or uses what is not supported.
 * @throws {RangeError} If there are more than 256 wildcards in all.
 */
export function compileTopicPatterns(patterns: readonly string[]): CompiledPatterns {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  const others: (readonly PatternToken[])[] = [];
  let wildcards = 0;
  let matchesAll = false;
  for (const pattern of patterns) {
    const tokens = tokenize(pattern);
    wildcards += tokens.filter((token) => typeof token === "string").length;
    const [first] = tokens as [PatternToken];
    prefixes.push(typeof first === "object" ? first.text : "");
    if (tokens.length === 1 && typeof first === "object") exact.add(first.text);
    else if (tokens.length === 1 && first === "any") matchesAll = true;
    else others.push(tokens);
  }
  if (wildcards > MOST_WILDCARDS_TOGETHER) {
    throw new RangeError(
      `Cannot compile topic patterns: they have ${wildcards} wildcards together, expected ${MOST_WILDCARDS_TOGETHER} or fewer`,
    );
  }
  if (matchesAll) return { matches: () => true, prefixes, steps: () => 0 };
  if (others.length === 0) return { matches: (topic) => exact.has(topic), prefixes, steps: () => 0 };
  const automaton = new PatternAutomaton(others);
  const steps = (): number => automaton.steps;
  const [prefix = "", ...more] = prefixes;
  if (more.length > 0) {
    return { matches: (topic) => exact.has(topic) || automaton.matches(topic), prefixes, steps };
  }
  const isPrefix = others[0]!.length === 2 && others[0]![1] === "any" && prefix !== "";
  const matches: TopicMatcher = isPrefix
    ? (topic) => topic.startsWith(prefix)
    : (topic) => topic.startsWith(prefix) && automaton.matches(topic);
  return { matches, prefixes, steps };
}

/** Characters that stand for themselves. */
const PLAIN = /[^\\:*{}()+?]+/y;

function tokenize(pattern: string): PatternToken[] {
  if (typeof pattern !== "string" || pattern === "") {
    throw new TypeError(
      `Cannot compile topic pattern: it is ${show(pattern)}, expected a string that is not empty`,
    );
  }
  const fail = (what: string): never => {
    throw new TypeError(
      `Cannot compile topic pattern: ${JSON.stringify(pattern)} ${what}, expected literals, :name and *`,
    );
  };
  const tokens: PatternToken[] = [];
  let text = "";
  let wildcards = 0;
  const wildcard = (token: PatternToken): void => {
    wildcards += 1;
    if (wildcards > MOST_WILDCARDS) fail(`has more than ${MOST_WILDCARDS} wildcards`);
    if (text !== "") tokens.push({ text });
    text = "";
    if (typeof tokens.at(-1) === "string") fail("has two wildcards with nothing between");
    tokens.push(token);
  };
  for (let i = 0; i < pattern.length; i += 1) {
    PLAIN.lastIndex = i;
    const plain = PLAIN.exec(pattern)?.[0] ?? "";
    text += plain;
    i += plain.length;
    if (i >= pattern.length) break;
    const char = pattern[i]!;
    if (char === "\\") {
      i += 1;
      if (i >= pattern.length) fail("ends with a backslash");
      text += pattern[i]!;
    } else if (char === ":") {
      const name = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u.exec(pattern.slice(i + 1))?.[0];
      if (name === undefined) return fail("has a : without a name (write \\: for the character)");
      i += name.length;
      wildcard("segment");
    } else if (char === "*") {
      wildcard("any");
    } else {
      fail(`has ${char} (write \\${char} for the character)`);
    }
  }
  if (text !== "") tokens.push({ text });
  return tokens;
}
