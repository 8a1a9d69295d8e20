/** Request heads as nobody should send them, made from a seed: the same seed makes the same heads. */
import { createRandom } from "../../packages/tidings/src/testing/random.ts";

const METHODS = [
  "GET",
  "GET",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "QUERY",
  "TRACE",
  "PRI",
  "get",
  "G\tT",
  "",
  "BREW",
];
const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/0.9",
  "HTTP/2.0",
  "http/1.1",
  "HTTP/1.1 ",
  "",
];
export const TARGETS: readonly string[] = [
  "/",
  "//",
  "///",
  "//:/x",
  "//?",
  "/?",
  "/#",
  "*",
  "?",
  "",
  "/%",
  "/%zz",
  "/%00",
  "/\u00ff",
  "/a b",
  "/..",
  "/./../x",
  "\\",
  "/\\",
  "http://a:99999/",
  "http://[/",
  "http://[::1]/",
  "http://user:pass@a/",
  "http:///",
  "https://b/",
  "javascript:1",
  "a:1",
  "/@",
  "/:",
  "//@:0",
  "/__proto__",
  "/constructor",
  "/prices",
  "/prices/",
  "/prices?x",
  "/PRICES",
];
export const QUERIES: readonly string[] = [
  "",
  "?lastEventId=1",
  "?lastEventId=",
  "?lastEventId=%E0%A4%A",
  "?lastEventId=a&lastEventId=b",
  "?lastEventId[]=1",
  "?lastEventId=%00",
  "?lastEventId=" + "x".repeat(3_000),
  "?topic=__proto__",
  "?topic=%ff",
  "?topic",
  "?&&&=",
  "?id=",
  "?id=a&id=b",
  "#lastEventId=1",
  "?lastEventId=1#?",
  "?program=tick&count=1&every=10&bytes=5&big=0&wait=0",
  "?program=crash&count=1&every=10",
  "?program=hold&wait=99999999999",
  "?program=flood",
  "?program=echo",
  "?program=result&run=__proto__",
  "?program=__proto__&count=-1",
  "?runId=a&offset=-1",
  "?runId=a&offset=now",
  "?runId=%00&offset=x/%E0",
  "?offset=__proto__.1/a",
];
export const IDS: readonly string[] = [
  "",
  "1",
  "0",
  "-1",
  "e.1",
  ".",
  "..",
  "e.",
  ".1",
  "e.1.1",
  "e.99999999999999999999",
  "e.NaN",
  "e.0x10",
  "e.1e9",
  "__proto__.1",
  "\u00e9.1",
  "\u00ff\u00fe",
  "x".repeat(10_000),
  " e.1 ",
  "e.1,e.2",
  "\t",
  "e.-1",
  "e.1.5",
  "%00",
  "null",
  "undefined",
  "[object Object]",
];
const NAMES = [
  "Accept",
  "Accept-Encoding",
  "Cookie",
  "X-A",
  "X-Forwarded-For",
  "Origin",
  "Access-Control-Request-Method",
  "Cache-Control",
  "Content-Type",
  "Authorization",
  "__proto__",
  "constructor",
  "Expect",
  "TE",
  "Upgrade",
  "Range",
  "If-None-Match",
  "Via",
  "Forwarded",
  "Content-Length",
  "Transfer-Encoding",
  "Connection",
  "Keep-Alive",
  "Incremental",
  "X-Run-Id",
  "Tidings-Doctor-Token",
  "Bad Name",
  "",
  "X-\u00e9",
];
const VALUES = [
  "",
  "text/event-stream",
  "*/*",
  "gzip",
  "gzip;q=0",
  "gzip;q=x, *;q=",
  ";;;,,,",
  "identity",
  "100-continue",
  "h2c",
  "websocket",
  "trailers",
  "chunked",
  "close",
  "keep-alive",
  "Upgrade",
  "bytes=0-",
  "0",
  "5",
  "-1",
  "5, 5",
  "99999999999999999999",
  "\u0001",
  "\u00ff",
  "a\u0000b",
  "x".repeat(2_000),
  '"',
  "*",
];

export interface Head {
  readonly bytes: Buffer;
  /** It asks for an upgrade that nobody handles, which a server may answer by closing the connection. */
  readonly isUpgrade: boolean;
  /** It names no version: HTTP/0.9 to nginx, whose responses have no status. */
  readonly hasVersion: boolean;
  /** More than one request comes, or what looks like one. */
  readonly isPipeline: boolean;
}

export function requestHeads(seed: number): () => Head {
  const random = createRandom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)]!;
  return () => {
    const method = pick(METHODS);
    const lines = [`${method} ${pick(TARGETS)}${pick(QUERIES)} ${pick(VERSIONS)}`];
    if (below(20) > 0)
      lines.push(
        below(10) > 0 ? "Host: a" : pick(["Host:", "Host: a\r\nHost: b", "Host: [", "host : a", " Host: a"]),
      );
    for (let ids = below(3); ids > 0; ids -= 1) lines.push(`Last-Event-ID: ${pick(IDS)}`);
    for (let more = below(5); more > 0; more -= 1) lines.push(`${pick(NAMES)}: ${pick(VALUES)}`);
    if (below(40) === 0) lines.push(`X-Large: ${"x".repeat(64_000)}`);
    if (below(40) === 0) for (let i = 0; i < 300; i += 1) lines.push(`X-${i}: ${i}`);
    const newline = below(20) === 0 ? pick(["\n", "\r", "\r\n "]) : "\r\n";
    let text = `${lines.join(newline)}\r\n\r\n`;
    if (below(15) === 0) text = `\r\n${text}`;
    const single = text;
    if (below(15) === 0)
      text += pick(["junk", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\0\0\0\0", "5\r\nhello\r\n0\r\n\r\n"]);
    if (below(30) === 0) text = text.repeat(2 + below(20));
    // Whatever it is, it is over: a head that never ends is a matter of the server's own time limits.
    return {
      bytes: Buffer.from(`${text}\r\n\r\n`, "latin1"),
      isUpgrade: /upgrade/i.test(text),
      isPipeline: text !== single,
      hasVersion: /^\r?\n?[^\r\n]*HTTP\/\d/i.test(text),
    };
  };
}
