/**
 * The doctor's command: what it prints, its status, its reports, and whose fault it says it is.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tidings } from "../shell.ts";
import { through } from "./broken-paths.ts";
import { serve, serveEndpoint, type Started, ticking, TOKEN } from "./setup.ts";

async function started(starting: Promise<Started>): Promise<string> {
  const { url, stop } = await starting;
  onTestFinished(stop);
  return url;
}

interface Report {
  findings: { id: string; severity: string; cause?: string; seen: string }[];
  hops: string[];
}

test("with --direct it says what the path does and what the application", async () => {
  const proxied = await started(through("nginx", (config) => config.replace("proxy_buffering off;", "")));
  const direct = await started(serveEndpoint());
  const { status, out } = await tidings([
    "doctor",
    proxied,
    "--token",
    TOKEN,
    "--bare",
    "--direct",
    direct,
    "--json",
  ]);
  const { findings, hops } = JSON.parse(out) as Report;
  expect(hops).toEqual(["nginx"]);
  expect(Object.fromEntries(findings.map(({ id, cause }) => [id, cause]))).toMatchObject({
    B03: "path",
    K01: "application",
  });
  expect(status).toBe(1);
}, 120_000);

test("a good stream is status 0, a note too, and a warning is 1 with --strict", async () => {
  const noIds = await started(
    serve(
      (request, response) =>
        void ticking(request, response, { messageOf: () => "data: 1\n\n", everyMs: 200 }),
    ),
  );
  expect((await tidings(["doctor", noIds, "--watch", "1s"])).status).toBe(0);
  const { status, out } = await tidings(["doctor", noIds, "--watch", "1s", "--strict"]);
  expect(status).toBe(1);
  expect(out).toMatch(/^! R01 Messages have no ids$/m);
  expect(out).toMatch(/1 warning \(\d+ checks\)\n$/);
});

test("a wrong token is said to be a status, not a path's fault", async () => {
  const url = await started(serveEndpoint());
  const { out } = await tidings(["doctor", url, "--token", "another token, just as long"]);
  expect(out).toContain("✗ C01");
  expect(out).toContain("status 404");
});

test("the HTML report stands alone, and nothing of the server's is markup in it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidings-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "doctor.html");
  const url = await started(
    serve((request, response) => {
      response.setHeader("x-note", "<script>alert(1)</script>");
      ticking(request, response, {
        messageOf: (n) => `id: <b>${n}\nevent: <i>\ndata: {"ts":${Date.now()}}\n\n`,
        everyMs: 200,
      });
    }),
  );
  await tidings(["doctor", url, "--watch", "2s", "--report", file]);
  const html = readFileSync(file, "utf8");
  expect(html.match(/<svg /g)?.length).toBe(3);
  expect(html).toContain("&lt;script&gt;alert(1)");
  expect(html).not.toMatch(/<script|<link|<b>|<i>|\bsrc=|url\(|@import/);
});

test("options that need an endpoint, and origins that are none", async () => {
  expect((await tidings(["doctor", "localhost:1", "--flood"])).err).toContain(
    "--flood is for a doctor endpoint, expected --token too.",
  );
  expect((await tidings(["doctor", "localhost:1", "--origin", "example.com"])).err).toContain(
    '--origin is "example.com", expected one such as',
  );
});
