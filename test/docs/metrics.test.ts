/** The table of docs/observing.md names every metric, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHub, toPrometheus } from "tidings/server";
import { expect, test } from "vitest";
import { ROOT } from "./run-typescript.ts";

const written = [...toPrometheus(createHub().stats()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);

test.each(["docs/observing.md", "docs/zh-CN/observing.md"])("%s", (page) => {
  const rows = readFileSync(join(ROOT, page), "utf8").match(/^\| `tidings_.*(?= \|.*\|$)/gm) ?? [];
  const named = rows.flatMap((row) => [...row.matchAll(/`(tidings_\w+)`/g)].map(([, name]) => name));
  expect(new Set(named)).toEqual(new Set(written));
});
