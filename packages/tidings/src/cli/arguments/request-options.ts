/**
 * The options of the request: the same in every command that makes requests.
 */
import { readFileSync } from "node:fs";
import type { Protocol } from "../http/dial.ts";
import type { Input, OptionSpec } from "./command.ts";
import { systemProblem, UsageError } from "./usage-error.ts";

export const REQUEST_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  method: { short: "X", value: "METHOD", about: "Default: GET, or POST with --data" },
  header: { short: "H", value: "'NAME: VALUE'", multiple: true, about: "A request header" },
  data: { short: "d", value: "BODY", about: "The body; @FILE reads it" },
  insecure: { short: "k", about: "Accept any certificate" },
};

export interface RequestInput {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly insecure: boolean;
}

/** @throws {UsageError} If an option makes no sense. */
export function requestOf(input: Input, word: string = input.words[0]!): RequestInput {
  const data = input.get("data");
  const body = data?.startsWith("@") ? readBody(data.slice(1)) : data;
  const method = (input.get("method") ?? (body === undefined ? "GET" : "POST")).toUpperCase();
  if (!/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(method)) {
    throw new UsageError(`--method is ${JSON.stringify(method)}, expected a method such as GET or POST.`);
  }
  if (body !== undefined && method === "GET") {
    throw new UsageError("A GET request has no body, expected --method POST or no --data.");
  }
  const headers: Record<string, string> = {};
  for (const text of input.all("header")) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(text);
    // eslint-disable-next-line no-control-regex
    if (match === null || /[\r\n\0]/.test(text)) {
      throw new UsageError(`--header is ${JSON.stringify(text)}, expected 'Name: value'.`);
    }
    headers[match[1]!.toLowerCase()] = match[2]!;
  }
  if (body !== undefined && headers["content-type"] === undefined) {
    headers["content-type"] = /^\s*[[{]/.test(body) ? "application/json" : "text/plain;charset=UTF-8";
  }
  const url = new URL(urlOf(word));
  const { username, password } = url;
  if (username !== "" || password !== "") {
    // As curl does: fetch refuses such a URL, and it would be shown.
    const user = `${decoded(username)}:${decoded(password)}`;
    headers["authorization"] ??= `Basic ${Buffer.from(user).toString("base64")}`;
    url.username = url.password = "";
  }
  return { url: url.href, method, headers, body, insecure: input.has("insecure") };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A URL as people type it: `example.com/events`, `:3000/events`, `localhost:3000`. */
export function urlOf(word: string): string {
  const local = /^:\d+/.test(word) ? `localhost${word}` : word;
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(local)
    ? local
    : `${/^(localhost|127\.|\[::1\])/.test(local) ? "http" : "https"}://${local}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new UsageError(
      `${JSON.stringify(word)} is no URL, expected one such as http://localhost:3000/events`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new UsageError(`The URL begins with ${url.protocol}//, expected http:// or https://`);
  }
  return url.href;
}

/** Which protocol `--h1` and `--h2` ask for. */
export function protocolOf(input: Input): Protocol {
  if (input.has("h1") && input.has("h2"))
    throw new UsageError("--h1 and --h2 exclude each other, expected one.");
  return input.has("h1") ? "h1" : input.has("h2") ? "h2" : "auto";
}

export const PROTOCOL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  h1: { about: "Only HTTP/1.1; only HTTP/2" },
  h2: { sameLineAs: "h1", about: "Only HTTP/2; without TLS by prior knowledge" },
};

function readBody(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw systemProblem(`Cannot read the body from ${path}`, error);
  }
}
