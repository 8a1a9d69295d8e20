import { describe, expect, it } from "vitest";
import { rawHeaders, readRequestHead } from "./request-head.ts";

const head = (...fields: string[]) =>
  ["GET /prices?a=1 HTTP/1.1", "Host: shop.test", ...fields, "", ""].join("\r\n");

describe("readRequestHead", () => {
  it("reads a plain head as node:http would", () => {
    const text = head("Accept: text/event-stream", "X-Name: \t a b\xa0 \t", "Cookie: a=1; b=2");
    const read = readRequestHead(text)!;
    expect(read).toEqual({
      url: "/prices?a=1",
      path: "/prices",
      headers: { host: "shop.test", accept: "text/event-stream", "x-name": "a b\xa0", cookie: "a=1; b=2" },
      text,
      keepsAlive: true,
    });
    expect(rawHeaders(read)).toEqual([
      "Host",
      "shop.test",
      "Accept",
      "text/event-stream",
      "X-Name",
      "a b\xa0",
      "Cookie",
      "a=1; b=2",
    ]);
    expect(readRequestHead(head("Connection: Close"))?.keepsAlive).toBe(false);
    expect(readRequestHead(head("Empty:"))?.headers).toMatchObject({ empty: "" });
  });

  it.each([
    ["another method", "POST /prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["HEAD", "HEAD /prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method in lower case", "get /prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["HTTP/1.0", "GET /prices HTTP/1.0\r\nHost: a\r\n\r\n"],
    ["HTTP/1.10", "GET /prices HTTP/1.10\r\nHost: a\r\n\r\n"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a whole URL", "GET http://a/prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a space in the target", "GET /prices x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a tab in the request line", "GET\t/prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["bytes beyond ASCII in the target", "GET /pr\xefces HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an empty line first", "\r\nGET /prices HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["bare LF", "GET /prices HTTP/1.1\nHost: a\n\n"],
    ["a bare LF among CRLF", "GET /prices HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"],
    ["a bare CR in a value", head("X: a\rb")],
    ["NUL", head("X: a\0b")],
    ["DEL", head("X: a\x7fb")],
    ["a folded line", head("X: a", " b")],
    ["a folded line first", "GET /prices HTTP/1.1\r\n Host: a\r\n\r\n"],
    ["a space before the colon", head("X : a")],
    ["a field without a name", head(": a")],
    ["a field without a colon", head("X")],
    ["a name that is no token", head("X(: a")],
    ["no host", "GET /prices HTTP/1.1\r\nAccept: */*\r\n\r\n"],
    ["two hosts", head("Host: evil.test")],
    ["an empty host", "GET /prices HTTP/1.1\r\nHost:\r\n\r\n"],
    ["a host with a path", "GET /prices HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a length", head("Content-Length: 0")],
    ["a transfer coding", head("Transfer-Encoding: chunked")],
    ["a transfer coding in another case", head("tRANSFER-eNCODING: chunked")],
    ["an expectation", head("Expect: 100-continue")],
    ["an upgrade", head("Connection: Upgrade", "Upgrade: websocket")],
    [
      "an upgrade to HTTP/2",
      head("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    ],
    ["another token in Connection", head("Connection: keep-alive, X-Secret")],
    ["trailers", head("TE: trailers")],
    ["a field twice", head("X: 1", "x: 2")],
    ["a field that most send twice", head("Accept: */*", "accept: */*")],
    ["NUL in a field that most send", head("Accept: a\0b")],
    ["a name that every object has", head("constructor: 1")],
    ["__proto__", head("__proto__: 1")],
    ["more fields than any client sends", head(...Array.from({ length: 65 }, (_, i) => `X-${i}: 1`))],
    ["a byte behind it", `${head()}G`],
    ["a second request behind it", head() + head()],
    ["no end", head().slice(0, -2)],
    ["nothing", ""],
    ["an end alone", "\r\n\r\n"],
  ])("leaves %s to node:http", (_name, text) => {
    expect(readRequestHead(text)).toBeUndefined();
  });

  it("leaves every part of a head to node:http", () => {
    const whole = head("Accept: */*", "Connection: keep-alive");
    expect(readRequestHead(whole)).toBeDefined();
    for (let length = 0; length < whole.length; length += 1) {
      expect(readRequestHead(whole.slice(0, length))).toBeUndefined();
    }
  });
});
