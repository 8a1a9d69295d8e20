/**
 * What came of five minutes of silence. The last of the system tests, so that it need not wait for what began with the first.
 */
import { expect, inject, test } from "vitest";
import type { Silence } from "./silence-setup.ts";

test("fetch in Node ends a body after 300 seconds of silence, and the doctor finds it: T05", async () => {
  const { report, reader } = await seen();
  expect(reader.code).toBe("UND_ERR_BODY_TIMEOUT");
  expect(reader.afterMs).toBeGreaterThan(299_000);
  const { findings } = JSON.parse(report) as {
    findings: { id: string; seen: string; fix: string[]; see: string[] }[];
  };
  expect(Object.fromEntries(findings.map(({ id, seen }) => [id, seen]))).toEqual({
    T03: expect.stringMatching(/^30\d s without a byte$/),
    T05: expect.stringMatching(/^30\d s without a byte$/),
  });
  const found = findings.find(({ id }) => id === "T05");
  expect(found?.fix.join("\n")).toContain("heartbeat");
  expect(found?.see.join("\n")).toContain("docs/symptoms/dies-after-5-minutes.md");
}, 400_000);

async function seen(): Promise<Silence> {
  const response = await fetch(inject("silenceUrl"));
  return (await response.json()) as Silence;
}
