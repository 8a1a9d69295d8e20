/** A network that is gone for 30 seconds: nothing comes, nothing is refused, and nobody is told. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { openNetwork } from "./network.ts";

const WRITER = fileURLToPath(new URL("members/nats-writer.mjs", import.meta.url));

interface Report {
  readonly acknowledged: readonly (readonly [number, string])[];
  readonly refused: readonly { text: string; code: string; tookMs: number }[];
  readonly stored: readonly (readonly [number, string])[];
  readonly parts: readonly {
    after: number;
    through: number;
    texts: readonly (readonly [number, string])[];
  }[];
  readonly states: readonly string[];
  readonly from: number;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

it("natsLog() settles everything while its network is gone, and goes on without a seam when it is back", async () => {
  const network = await openNetwork();
  cleanups.push(() => network.close());
  const folder = mkdtempSync(join(tmpdir(), "tidings-nats-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const server = network.far(
    "nats-server",
    "-a",
    network.address,
    "-p",
    "4222",
    "-js",
    "-sd",
    folder,
    "-l",
    join(folder, "log"),
  );
  cleanups.push(async () => {
    const over = once(server, "exit");
    server.kill("SIGKILL");
    await over;
  });
  const writer = network.near(process.execPath, WRITER, `${network.address}:4222`);
  cleanups.push(() => writer.kill("SIGKILL"));
  const states: string[] = [];
  const reported = new Promise<Report>((resolve, reject) => {
    writer.on("message", ({ state, report }: { state?: string; report?: Report }) => {
      if (state !== undefined) states.push(state);
      if (report !== undefined) resolve(report);
    });
    writer.once("exit", () => reject(new Error("the process on the log ended")));
  });
  await expect.poll(() => states, { timeout: 20_000 }).toEqual(["started"]);
  network.cut();
  await new Promise((resolve) => void setTimeout(resolve, 30_000));
  network.mend();
  writer.send("report");
  const { acknowledged, refused, stored, parts, from } = await reported;
  // In the middle of it, appends were refused, in time.
  expect(states).toEqual(["started", "interrupted", "following"]);
  expect(refused.length).toBeGreaterThan(0);
  for (const { code, tookMs } of refused) {
    expect(code).toBe("failed");
    expect(tookMs).toBeLessThan(15_000);
  }
  const texts = new Map(stored);
  expect(acknowledged.filter(([offset, text]) => texts.get(offset) !== text)).toEqual([]);
  expect(new Set(texts.values()).size).toBe(stored.length);
  // Of what was refused, some may be stored; the tail has that as well.
  let through = from;
  for (const part of parts) {
    expect(part.after).toBe(through);
    ({ through } = part);
  }
  expect(parts.flatMap((part) => part.texts)).toEqual(stored);
}, 120_000);
