/**
 * From what a user sees to the line that fixes it, without a user: the doctor examines a set-up that shows each symptom of
 * docs/symptoms, finds it, says the line that stands on its page, and leads to the page.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checks } from "../../packages/tidings/src/cli/doctor/checks/index.ts";
import { diagnose } from "../../packages/tidings/src/cli/doctor/diagnose.ts";
import { SYMPTOMS } from "../../packages/tidings/src/cli/doctor/symptoms.ts";
import { brokenPaths } from "./doctor/broken-paths.ts";
import { brokenStreams } from "./doctor/broken-streams.ts";
import { examine, serveEndpoint, type Setup } from "./doctor/setup.ts";
import { ROOT } from "./shell.ts";

const folder = join(ROOT, "docs/symptoms");
const pages = readdirSync(folder)
  .filter((file) => file !== "README.md")
  .map((file) => file.replace(".md", ""));
const textOf = (page: string): string => readFileSync(join(folder, `${page}.md`), "utf8");

interface Case {
  readonly page: string;
  /** By the name of a set-up. */
  readonly of: string;
  readonly id: string;
  /** Stands in what the doctor says and on the page. */
  readonly line: string;
}

const cases: readonly Case[] = [
  {
    page: "all-at-once",
    of: "nginx as installed, for a server that sends nothing to proxies",
    id: "B02",
    line: "proxy_buffering off;",
  },
  { page: "big-events-late", of: "nginx with HTTP/1.1 alone", id: "B03", line: "proxy_buffering off;" },
  { page: "late-by-200-ms", of: "HAProxy without http-no-delay", id: "B04", line: "option http-no-delay" },
  { page: "dies-after-60-seconds", of: "nginx with proxy_read_timeout 5s", id: "T01", line: "every 15 s" },
  {
    page: "errors-after-a-deploy",
    of: "every second request gets 502 with a page",
    id: "R06",
    line: "connect",
  },
  {
    page: "somebody-elses-events",
    of: "Varnish as installed, for a server that sends nothing to proxies",
    id: "K02",
    line: "return (pipe);",
  },
  {
    page: "works-in-curl",
    of: "Express with compression, for a server that sends nothing to proxies",
    id: "Z01",
    line: "Cache-Control: no-cache, no-transform",
  },
];

const setups = [...brokenPaths, ...brokenStreams];
const setupOf = (name: string): Setup => setups.find((setup) => setup.name === name)!;

describe("the doctor finds, explains and fixes", () => {
  test.concurrent.for(cases)(
    "$page: $id",
    { timeout: 60_000 },
    async ({ page, of, id, line }, { expect }) => {
      const { findings } = await examine(setupOf(of));
      const finding = findings.find((each) => each.id === id);
      expect(finding?.fix.join("\n")).toContain(line);
      expect(finding?.see.join("\n")).toContain(`docs/symptoms/${page}.md`);
      expect(textOf(page)).toContain(line);
    },
  );

  test.concurrent(
    "works-locally-only: what is not found without the path",
    { timeout: 60_000 },
    async ({ expect }) => {
      const broken = setupOf("nginx with HTTP/1.1 alone");
      const path = await examine(broken);
      const direct = await examine({ ...broken, start: () => serveEndpoint() });
      const findings = diagnose(path.evidence, direct.evidence);
      const buffering = findings.find(({ id }) => id === "B03");
      expect(buffering?.cause).toBe("path");
      expect(buffering?.fix.join("\n")).toContain("proxy_buffering off;");
      expect(buffering?.see.join("\n")).toContain("docs/symptoms/works-locally-only.md");
      expect(textOf("works-locally-only")).toContain("--direct");
      // The server sends no Cache-Control, wherever it is asked.
      expect(findings.find(({ id }) => id === "K01")?.cause).toBe("application");
    },
  );
});

test("each page has its case: silence of 5 minutes has doctor/silence.test.ts", () => {
  const covered = [...cases.map(({ page }) => page), "works-locally-only", "dies-after-5-minutes"];
  expect(covered.sort()).toEqual([...pages].sort());
});

describe.each(pages)("%s", (page) => {
  const ids = [...SYMPTOMS[page]!];

  test("names its checks, and they are checks", () => {
    const named = [...textOf(page).matchAll(/\[`([A-Z]\d\d)`\]\(\.\.\/cli\/doctor-table\.md#the-checks\)/g)];
    expect(named.map(([, id]) => id)).toEqual(ids);
    expect(ids.filter((id) => !checks.some((check) => check.id === id))).toEqual([]);
  });

  test("is where the table of the checks leads", () => {
    const table = readFileSync(join(ROOT, "docs/cli/doctor-table.md"), "utf8");
    for (const id of ids) {
      const row = table.split("\n").find((line) => line.startsWith(`| ${id} |`));
      expect(row).toContain(`(../symptoms/${page}.md)`);
    }
  });
});
