import { describe, expect, test } from "vitest";

import { collectText, LONGEST_TEXT_BYTES } from "./collect-text.ts";

describe("collectText()", () => {
  test("joins what came, characters cut anywhere", async () => {
    const collector = collectText();
    for (const byte of new TextEncoder().encode("登录已过期😀")) collector.push(new Uint8Array([byte]));
    collector.push("!");
    collector.end();
    expect(await collector.text).toBe("登录已过期😀!");
  });

  test("is content with 64 KiB, and then waits for no end", async () => {
    const collector = collectText();
    collector.push(new Uint8Array(LONGEST_TEXT_BYTES - 1).fill(97));
    collector.push("bc");
    collector.push("d");
    expect(await collector.text).toBe(`${"a".repeat(LONGEST_TEXT_BYTES - 1)}b`);
  });
});
