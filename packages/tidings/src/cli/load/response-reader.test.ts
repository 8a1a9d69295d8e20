import { expect, test } from "vitest";
import { responseReader } from "./response-reader.ts";

/** What is read of a response that comes in these pieces. */
function read(pieces: readonly string[]): string {
  let seen = "";
  const take = responseReader({
    onHead: (status) => void (seen += `${status}:`),
    onBody: (bytes) => void (seen += new TextDecoder().decode(bytes)),
    onEnd: () => void (seen += "|end"),
    onNonsense: () => void (seen += "|nonsense"),
  });
  for (const piece of pieces) take(Buffer.from(piece));
  return seen;
}

const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\nc;x=1\r\n hello\r\n\r\n!\n\r\n0\r\n\r\n";

test("chunks, cut at every byte", () => {
  for (let at = 1; at < CHUNKED.length; at++) {
    expect(read([CHUNKED.slice(0, at), CHUNKED.slice(at)])).toBe("200:data: hello\r\n\r\n!\n|end");
  }
  expect(read(CHUNKED.split(""))).toBe("200:data: hello\r\n\r\n!\n|end");
});

test("a body that ends with its connection", () => {
  expect(read(["HTTP/1.1 503 Busy\r\n\r\nla", "ter"])).toBe("503:later");
});

test("a status before the answer is passed over", () => {
  expect(read(["HTTP/1.1 103 Early\r\nlink: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "x"])).toBe("200:x");
});

test.each([
  ["SSH-2.0-OpenSSH\r\n\r\n"],
  ["x".repeat(70_000)],
  ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnope\r\n"],
])("what is not HTTP is said to be so: %#", (text) => {
  expect(read([text])).toMatch(/\|nonsense$/);
});
