import { describe, expect, test } from "vitest";
import { proxyConfig, proxyNames } from "../../proxies/proxy-config.ts";
import { FIXES } from "./fixes.ts";

/** What a proxy reads: without comments. */
const readBy = (config: string): string =>
  config
    .split("\n")
    .filter((line) => !line.trim().startsWith("#"))
    .join("\n");

const fixes = Object.entries(FIXES).flatMap(([cure, byHop]) =>
  proxyNames.flatMap((name) => {
    const fix = byHop[name];
    return fix === undefined ? [] : [{ cure, name, fix }];
  }),
);

describe("a fix and the configuration that is tested say the same", () => {
  test.each(fixes)("$name: $cure", ({ name, fix }) => {
    const config = readBy(proxyConfig(name, { upstream: "http://127.0.0.1:3001", path: "/events" }));
    // A line that is not in the configuration is said to be set or removed, not to be needed.
    if (fix.line !== undefined) expect(config).toContain(fix.line);
    if (fix.never !== undefined) expect(config).not.toContain(fix.never);
    expect(fix.line ?? fix.never ?? fix.text).not.toBe("");
    if (fix.line !== undefined) expect(fix.text).toContain(fix.line.replace(/( 60s|;)$/, ""));
  });

  test("compression by Apache has none: it sends each event at once", () => {
    expect(FIXES.compress.apache).toBeUndefined();
  });
});
