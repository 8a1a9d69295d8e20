import { describe, expect, test } from "vitest";
import { loadVectors } from "./load.ts";

const vectors = loadVectors();

describe("the vectors", () => {
  test("are 120 or more", () => {
    expect(vectors.length).toBeGreaterThanOrEqual(120);
  });

  test("each have a name of their own within their file", () => {
    const names = vectors.map(({ file, name }) => `${file}: ${name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test("each name a section of a standard", () => {
    const sections = new Set(vectors.map(({ section }) => section.replace(/#.*/, "")));
    expect([...sections].sort()).toEqual([
      "https://encoding.spec.whatwg.org/",
      "https://html.spec.whatwg.org/multipage/server-sent-events.html",
    ]);
    for (const { section } of vectors) expect(section).toMatch(/#[a-z0-9-]+$/);
  });

  test("have bytes that are not UTF-8 where they are given in base64, and only there", () => {
    for (const { bytes, text, name } of vectors) {
      const decoded = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      expect([name, decoded === text]).toEqual([name, text !== undefined]);
    }
  });

  test("agree with themselves: the last id is the last event ID, and every message's id was set", () => {
    for (const { name, expected } of vectors) {
      expect([name, expected.lastEventId]).toEqual([name, expected.ids.at(-1) ?? ""]);
      for (const { id } of expected.messages) expect(["", ...expected.ids]).toContain(id);
    }
  });
});
