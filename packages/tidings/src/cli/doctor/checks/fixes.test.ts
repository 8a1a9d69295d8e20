import { describe, expect, test } from "vitest";
import { proxyConfig, proxyNames } from "../../proxies/proxy-config.ts";
import { FIXES } from "./fixes.ts";

const upstream = "http://127.0.0.1:3001";

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
  const named = fixes.flatMap(({ cure, name, fix: { line, text } }) =>
    line === undefined ? [] : [{ cure, name, line, text }],
  );
  test.each(named)("$name: $cure needs $line", ({ name, line, text }) => {
    expect(readBy(proxyConfig(name, { upstream, path: "/events" }))).toContain(line);
    expect(text).toContain(line.replace(/( 60s|;)$/, ""));
  });

  const removed = fixes.flatMap(({ cure, name, fix: { never } }) =>
    never === undefined ? [] : [{ cure, name, never }],
  );
  test.each(removed)("$name: $cure has no $never", ({ name, never }) => {
    expect(readBy(proxyConfig(name, { upstream, path: "/events" }))).not.toContain(never);
  });

  test("compression by Apache has none: it sends each event at once", () => {
    expect(FIXES.compress.apache).toBeUndefined();
  });
});
