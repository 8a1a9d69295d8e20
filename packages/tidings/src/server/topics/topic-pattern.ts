/**
 * Topic patterns: the part of URL Pattern that makes sense for a topic, matched in linear time on every platform.
 * `:name` is one or more characters other than `/`; `*` is any characters, also none; `\` takes the next character as it is.
 * What URL Pattern has besides (groups, regular expressions, modifiers) is refused, not misread.
 * Standard: https://urlpattern.spec.whatwg.org/#pattern-strings
 * This module is browser compatible.
 */

import { show } from "../../guard/show.ts";

/** @returns Whether the whole topic is matched. */
export type TopicMatcher = (topic: string) => boolean;

type Token = { readonly text: string } | "segment" | "any";

/** Wildcards in one pattern at most: matching costs their number times the length of the topic. */
const MOST_WILDCARDS = 16;

/** @throws {TypeError} If the pattern is empty, or uses what is not supported. */
export function compileTopicPattern(pattern: string): TopicMatcher {
  const tokens = tokenize(pattern);
  const first = tokens[0]!;
  const prefix = typeof first === "object" ? first.text : "";
  const rest = typeof first === "object" ? tokens.slice(1) : tokens;
  if (rest.length === 0) return (topic) => topic === prefix;
  if (rest.length === 1 && rest[0] === "any") return (topic) => topic.startsWith(prefix);
  return (topic) => topic.startsWith(prefix) && matchTokens(rest, topic, prefix.length);
}

/** What all topics begin with that a pattern matches: its text before the first wildcard. */
export function prefixOf(pattern: string): string {
  const [first] = tokenize(pattern);
  return typeof first === "object" ? first.text : "";
}

/** Follows all ways to match at once: `at[i]` says that the tokens so far can end before character `i`. */
function matchTokens(tokens: readonly Token[], topic: string, start: number): boolean {
  let at = new Uint8Array(topic.length + 1);
  at[start] = 1;
  for (const token of tokens) {
    const next = new Uint8Array(topic.length + 1);
    let open = false;
    for (let i = start; i <= topic.length; i += 1) {
      if (token === "any") {
        open ||= at[i] === 1;
        if (open) next[i] = 1;
      } else if (token === "segment") {
        if (open) next[i] = 1;
        open = (open || at[i] === 1) && topic[i] !== "/";
      } else if (at[i] === 1 && topic.startsWith(token.text, i)) {
        next[i + token.text.length] = 1;
      }
    }
    at = next;
  }
  return at[topic.length] === 1;
}

function tokenize(pattern: string): Token[] {
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
  const tokens: Token[] = [];
  let text = "";
  let wildcards = 0;
  const wildcard = (token: Token): void => {
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
