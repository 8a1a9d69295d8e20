/**
 * Which case does not apply where, each with its reason. The suite's test reads it: what is not on it runs everywhere.
 */
import type { Case, Setting } from "./world.ts";

/** Where the suite runs within each browser. */
export const browserPlaces: readonly {
  readonly name: string;
  readonly place: "page" | "dedicated worker" | "shared worker" | "service worker";
  readonly transport: Setting["transport"];
}[] = [
  { name: "page", place: "page", transport: "fetch" },
  { name: "dedicated worker", place: "dedicated worker", transport: "fetch" },
  { name: "shared worker", place: "shared worker", transport: "fetch" },
  { name: "service worker", place: "service worker", transport: "fetch" },
  { name: "page over XMLHttpRequest", place: "page", transport: "xhr" },
];

export interface Exception {
  /** The start of the names of the cases. */
  readonly cases: string;
  /** Which places, by the start or the end of their names. */
  readonly where: RegExp;
  readonly reason: string;
}

const BROWSERS = /^(chromium|firefox|webkit) /;
const OTHERS = /^(Node|Bun|Deno|workerd)/;

export const exceptions: readonly Exception[] = [
  {
    cases: "a relative URL is resolved",
    where: OTHERS,
    reason: "there is no page or worker whose URL it could be resolved against",
  },
  { cases: "EventSource: a relative URL is resolved", where: OTHERS, reason: "as above" },
  {
    cases: "where there is no page, a relative URL is a mistake",
    where: BROWSERS,
    reason: "there is a page",
  },
  { cases: "EventSource: where there is no page", where: BROWSERS, reason: "there is a page" },
  {
    cases: "EventSource: ",
    where: /over XMLHttpRequest$/,
    reason: "EventSource takes a fetch, and no transport",
  },
  {
    cases: "a reader that waits holds the server back",
    where: /over XMLHttpRequest$/,
    reason: "an XMLHttpRequest cannot be told to read slower; maxQueuedMessages bounds what waits",
  },
  {
    cases: "a reader that waits holds the server back",
    where: /^firefox /,
    reason:
      "Firefox takes a whole response from its server while the page reads none of it, as firefox-buffers.test.ts shows without our code",
  },
  {
    cases: "a reader that waits holds the server back",
    where: /^webkit /,
    reason: "WebKitGTK reads a response as fast as it comes, whether its body is read or not",
  },
  {
    cases: "a last event ID may hold any character",
    where: /^webkit /,
    reason:
      "WebKitGTK sends the characters of a header as UTF-8, though they are bytes; IDs within ASCII arrive",
  },
  {
    cases: "closed: by await using",
    where: /^webkit /,
    reason: "WebKitGTK has no Symbol.asyncDispose",
  },
  {
    cases: "only the first of two byte order marks is none",
    where: /over XMLHttpRequest$/,
    reason: "the platform decodes, and takes the first one away before it can be seen",
  },
];

/** The names of the cases that do not apply there. @param place - `"Node 20"`, `"firefox shared worker"`. */
export function skippedIn(place: string, cases: readonly Case[]): string[] {
  const named = exceptions.filter(({ where }) => where.test(place));
  return cases
    .map(({ name }) => name)
    .filter((name) => named.some(({ cases: start }) => name.startsWith(start)));
}
