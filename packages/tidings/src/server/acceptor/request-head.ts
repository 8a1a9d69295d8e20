/**
 * Reads the head of a request that can only be understood in one way; of any other it says nothing, and node:http reads it.
 * So no question of where a message ends, or of whose it is, is answered here.
 * Format: https://www.rfc-editor.org/rfc/rfc9112#section-2.1, of which only a part is taken.
 * This module is browser compatible.
 */
import { isHeaderName, isHeaderValue } from "../out/check-header.ts";

export interface RequestHead {
  /** Path and query, as they were sent. */
  readonly url: string;
  readonly path: string;
  /** By name in lower case; none came twice. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
  /** The peer may send another request once this one was answered. */
  readonly keepsAlive: boolean;
}

/** More header fields than a client sends; node:http takes over beyond. */
const MOST_FIELDS = 64;

/**
 * @param text - What came, one character for each byte.
 * @returns Undefined unless it is exactly one whole head: `GET path HTTP/1.1`, well-formed fields, one host, no body, nothing
 *   that changes the connection, and not a byte behind it.
 */
export function readRequestHead(text: string): RequestHead | undefined {
  const first = text.indexOf("\r\n");
  const target = REQUEST_LINE.exec(text.slice(0, first));
  if (first === -1 || target === null || !text.endsWith("\r\n\r\n")) return undefined;
  const url = target[1]!;
  const headers: Record<string, string> = {};
  const rawHeaders: string[] = [];
  const end = text.length - 2;
  for (let at = first + 2; at < end;) {
    const lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon > lineEnd || rawHeaders.length >= MOST_FIELDS * 2) return undefined;
    const rawName = text.slice(at, colon);
    const value = trim(text, colon + 1, lineEnd);
    if (!isHeaderName(rawName) || !isHeaderValue(value)) return undefined;
    const name = rawName.toLowerCase();
    // Also true of what every object has, which is nobody's header.
    if (name in headers || NOT_OURS.has(name)) return undefined;
    headers[name] = value;
    rawHeaders.push(rawName, value);
    at = lineEnd + 2;
  }
  const { host, connection = "keep-alive" } = headers;
  if (host === undefined || !HOST.test(host)) return undefined;
  const persistence = connection.toLowerCase();
  if (persistence !== "keep-alive" && persistence !== "close") return undefined;
  const query = url.indexOf("?");
  return {
    url,
    path: query === -1 ? url : url.slice(0, query),
    headers,
    rawHeaders,
    keepsAlive: persistence === "keep-alive",
  };
}

/** Without the spaces and tabs around it; other white space is part of a value. */
function trim(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

/** Characters of a URI's path and query (RFC 3986, 3.3 and 3.4). What browsers let through besides is for node:http. */
const REQUEST_LINE = /^GET (\/[\w\-.~!$&'()*+,;=:@/?%]*) HTTP\/1\.1$/;
const HOST = /^[\w\-.:[\]]+$/;

/** Fields that announce a body, change the protocol, or speak of the connection. */
const NOT_OURS = new Set([
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
