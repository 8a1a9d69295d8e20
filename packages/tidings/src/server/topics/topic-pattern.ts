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

/**
 * Compiles one pattern.
 * @throws {TypeError} If it is empty, or uses what is not supported.
 */
export function compileTopicPattern(pattern: string): TopicMatcher {
  return compileTopicPatterns([pattern]);
}

/** What all topics begin with that a pattern matches: its text before the first wildcard. */
export function prefixOf(pattern: string): string {
  const [first] = tokenize(pattern);
  return typeof first === "object" ? first.text : "";
}

/**
 * Compiles patterns into one matcher, which says whether any of them matches. Its time grows with the topic, not with the
 * number of patterns.
 * @throws {TypeError} If a pattern is empty, or uses what is not supported.
 * @throws {RangeError} If there are more than 256 wildcards in all.
 */
export function compileTopicPatterns(patterns: readonly string[]): TopicMatcher {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  const others: (readonly PatternToken[])[] = [];
  let wildcards = 0;
  for (const pattern of patterns) {
    const tokens = tokenize(pattern);
    wildcards += tokens.filter((token) => typeof token === "string").length;
    const [first, second] = tokens as [PatternToken, PatternToken?];
    if (tokens.length === 1 && typeof first === "object") exact.add(first.text);
    else if (tokens.length === 1 && first === "any") return checked(() => true);
    else if (tokens.length === 2 && typeof first === "object" && second === "any") prefixes.push(first.text);
    else others.push(tokens);
  }
  if (others.length === 0 && exact.size === 0 && prefixes.length === 1) {
    const [prefix = ""] = prefixes;
    return (topic) => topic.startsWith(prefix);
  }
  if (others.length === 0 && prefixes.length === 0) return (topic) => exact.has(topic);
  for (const text of prefixes) others.push([{ text }, "any"]);
  const automaton = new PatternAutomaton(others);
  return checked((topic) => exact.has(topic) || automaton.matches(topic));

  function checked(matcher: TopicMatcher): TopicMatcher {
    if (wildcards <= MOST_WILDCARDS_TOGETHER) return matcher;
    throw new RangeError(
      `Cannot compile topic patterns: they have ${wildcards} wildcards together, expected ${MOST_WILDCARDS_TOGETHER} or fewer`,
    );
  }
}

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
    } else if ("{}()+?".includes(char)) {
      fail(`has ${char} (write \\${char} for the character)`);
    } else {
      text += char;
    }
  }
  if (text !== "") tokens.push({ text });
  return tokens;
}
