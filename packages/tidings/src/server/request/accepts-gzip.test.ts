import { expect, test } from "vitest";
import { acceptsGzip } from "./accepts-gzip.ts";

const node = (value?: string | string[]) => ({ headers: { "accept-encoding": value }, socket: undefined });

test.each([
  ["gzip", true],
  ["gzip, deflate, br, zstd", true],
  ["deflate, GZIP;q=0.5", true],
  ["x-gzip", true],
  ["*", true],
  ["br;q=1.0, *;q=0.1", true],
  ["gzip;q=0", false],
  ["gzip; q=0.0, *", false],
  ["*;q=0", false],
  ["identity", false],
  ["br, deflate", false],
  ["", false],
  ["gzipped", false],
])("%j asks for gzip: %s", (value, expected) => {
  expect(acceptsGzip(node(value))).toBe(expected);
  expect(acceptsGzip(new Request("http://localhost/", { headers: { "accept-encoding": value } }))).toBe(
    expected,
  );
});

test("a request that says nothing gets none", () => {
  expect(acceptsGzip(node())).toBe(false);
  expect(acceptsGzip(new Request("http://localhost/"))).toBe(false);
});
