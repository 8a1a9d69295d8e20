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
  /** What came: {@link rawHeaders} reads it. */
  readonly text: string;
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
  let fields = 0;
  const end = text.length - 2;
  for (let at = first + 2; at < end;) {
    const lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon > lineEnd || fields >= MOST_FIELDS) return undefined;
    const rawName = text.slice(at, colon);
    const value = trim(text, colon + 1, lineEnd);
    const name = USUAL.get(rawName) ?? nameOf(rawName);
    // Also true of what every object has, which is nobody's header.
    if (name === undefined || name in headers || !isHeaderValue(value)) return undefined;
    headers[name] = value;
    fields += 1;
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
    text,
    keepsAlive: persistence === "keep-alive",
  };
}

/** In lower case; undefined for what is no name, or not ours to read. */
function nameOf(rawName: string): string | undefined {
  const name = rawName.toLowerCase();
  return isHeaderName(rawName) && !NOT_OURS.has(name) ? name : undefined;
}

/** Names and values in turn, as they were sent. Made for those who ask: the hub does not. */
export function rawHeaders({ text }: RequestHead): string[] {
  const lines = text.split("\r\n").slice(1, -2);
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), trim(line, colon + 1, line.length)];
  });
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

/**
 * What browsers, proxies and our clients send, as they write it, and in lower case. These need no look at their characters, and the
 * engine knows them as names of properties already: that is most of what a head costs.
 */
const USUAL = new Map(
  [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Cookie",
    "DNT",
    "Forwarded",
    "Host",
    "Last-Event-ID",
    "Origin",
    "Pragma",
    "Priority",
    "Referer",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Request-ID",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "traceparent",
  ].flatMap((name) => [
    [name, name.toLowerCase()],
    [name.toLowerCase(), name.toLowerCase()],
  ]),
);

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
