import { expect, test } from "vitest";

import { bodyKey } from "./body-key.ts";

const form = (entries: Record<string, string | Blob>) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(entries)) data.append(name, value);
  return data;
};

test.each<[name: string, one: () => unknown, other: () => unknown]>([
  ["URLSearchParams", () => new URLSearchParams({ q: "1" }), () => new URLSearchParams({ q: "2" })],
  ["FormData", () => form({ q: "1" }), () => form({ q: "2" })],
  ["FormData with files", () => form({ f: new Blob(["a"]) }), () => form({ f: new Blob(["ab"]) })],
  ["Blob", () => new Blob(["a"]), () => new Blob(["ab"])],
  ["File", () => new File(["a"], "a", { lastModified: 1 }), () => new File(["a"], "b", { lastModified: 1 })],
  ["an ArrayBuffer", () => new Uint8Array([1]).buffer, () => new Uint8Array([2]).buffer],
  ["a Uint8Array", () => new Uint8Array([1]), () => new Uint8Array([2])],
  [
    "a DataView",
    () => new DataView(new Uint8Array([1]).buffer),
    () => new DataView(new Uint8Array([2]).buffer),
  ],
  ["text", () => "a", () => "b"],
  ["an object", () => ({ q: 1 }), () => ({ q: 2 })],
])("a body that is %s is the same when made anew, and another when its content is", (_name, one, other) => {
  const key = (body: unknown) => JSON.stringify([bodyKey(body)]);
  expect(key(one())).toBe(key(one()));
  expect(key(one())).not.toBe(key(other()));
});
