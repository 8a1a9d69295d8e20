import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { connect } from "tidings/client";
import { type Child, startChild, until } from "../../test/browsers/index.ts";
import { attack } from "../../test/docs/attack.ts";
import { freePort } from "../../test/support/free-port.mjs";

const SERVER = join(dirname(fileURLToPath(import.meta.url)), "server.mjs");
const log = mkdtempSync(join(tmpdir(), "dashboard-"));
let child: Child | undefined;
afterAll(async () => {
  await child?.stop();
  rmSync(log, { recursive: true });
});

async function start(port: number): Promise<string> {
  const env = { PORT: String(port), LOG: log, TICK_MS: "0", DRAIN_MS: "300" };
  const started = startChild(process.execPath, [SERVER], { env });
  child = started;
  return until("the port", () => /http:\/\/127\.0\.0\.1:\d+/.exec(started.output())?.[0], 30_000);
}

async function publish(origin: string, bid: number): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${origin}/prices`, {
    method: "POST",
    headers,
    body: JSON.stringify({ bid }),
  });
  expect(response.status).toBe(202);
}

test("a restart by SIGTERM loses nothing, and its readers are told different times to return", async () => {
  const port = await freePort();
  const origin = await start(port);
  expect(await (await fetch(origin)).text()).toContain("Prices");
  const readers = Array.from({ length: 5 }, () => {
    const bids: number[] = [];
    const problems: string[] = [];
    const connection = connect<{ price: { bid: number }; gap: unknown }>(`${origin}/prices`, {
      json: true,
      retry: { baseMs: 100 },
      onMessage: ({ event, data }) => void (event === "price" ? bids.push(data.bid) : problems.push(event)),
    });
    return { bids, problems, connection };
  });
  // As text, to see what it is told at the end.
  const heard = await Promise.all(readers.map(() => fetch(`${origin}/prices`)));
  await until("all readers", () => readers.every(({ connection }) => connection.state === "open"), 10_000);
  for (const bid of [1, 2, 3]) await publish(origin, bid);
  await until("the prices", () => readers.every(({ bids }) => bids.length === 3), 10_000);

  const { process: first } = child!;
  const gone = once(first, "exit");
  first.kill("SIGTERM");
  const texts = await Promise.all(heard.map((response) => response.text()));
  expect(await gone).toEqual([0, null]);
  const retries = texts.map((text) => Number([...text.matchAll(/^retry: (\d+)$/gm)].at(-1)?.[1]));
  expect(new Set(retries).size).toBeGreaterThan(1);
  for (const ms of retries) expect(ms >= 500 && ms <= 3000).toBe(true);

  await start(port);
  // Some are back by now and some are not: all get all.
  for (const bid of [4, 5]) await publish(origin, bid);
  await until("the prices after the restart", () => readers.every(({ bids }) => bids.length === 5), 20_000);
  for (const { bids, problems, connection } of readers) {
    expect([bids, problems]).toEqual([[1, 2, 3, 4, 5], []]);
    connection.close();
  }
});

test("whatever a client sends, the server stands", async () => {
  await child?.stop();
  const port = await freePort();
  const origin = await start(port);
  for (const path of ["/prices", "/"])
    for await (const what of attack(port, path))
      expect(child!.process.exitCode, `${what}\n${child!.output()}`).toBeNull();
  await publish(origin, 1);
  await child!.stop();
}, 30_000);
