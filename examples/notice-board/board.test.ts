/** Two windows write while both servers are restarted, one after the other: each has every note once. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../../test/browsers/chromium.ts";
import { type Browser, type Child, startChild, until } from "../../test/browsers/index.ts";
import { attack } from "../../test/docs/attack.ts";
import { freePort } from "../../test/support/free-port.mjs";

const FOLDER = dirname(fileURLToPath(import.meta.url));

let child: Child;
let windows: Browser[] = [];
beforeAll(async () => {
  if (!existsSync(join(FOLDER, "node_modules/redis"))) {
    throw new Error("Cannot start the example: expected npm ci in examples/notice-board first");
  }
  const env = { PORT: String(await freePort()), DRAIN_MS: "300" };
  child = startChild(process.execPath, [join(FOLDER, "start.mjs")], { env });
  const origin = await until("the address", () => /^http:\S+$/m.exec(child.output())?.[0], 60_000);
  windows = [await startChromium(), await startChromium()];
  for (const one of windows) await one.open(origin);
});
afterAll(async () => {
  for (const one of windows) await one.close();
  await child?.stop();
});

const isConnected = async (one: Browser): Promise<boolean> =>
  (await one.text("#state")).startsWith("connected");
/** The oldest first. */
const notesOf = async (one: Browser): Promise<string[]> => {
  const texts = await one.evaluate(() =>
    [...document.querySelectorAll("#notes li")].map((item) => item.firstChild!.textContent),
  );
  return texts.map((_, i) => String(texts[texts.length - 1 - i]));
};
const processes = (): string[] =>
  [...child.output().matchAll(/server [AB]: process (\d+)/g)].map((match) => match[1]!);

async function post(one: Browser, note: string): Promise<void> {
  await one.type("input", note);
  await one.click("button");
  // Emptied once a server has accepted it.
  await until("the form to be empty", () =>
    one.evaluate(() => document.querySelector("input")!.value === ""),
  );
}

test("a rolling restart loses no note and shows none twice", async () => {
  for (const one of windows) await until("the stream", () => isConnected(one), 30_000);
  const posted: string[] = [];
  const write = async (): Promise<void> => {
    for (const one of windows) {
      posted.push(`note ${posted.length + 1}`);
      await post(one, posted.at(-1)!);
    }
  };
  await write();
  const first = processes();
  expect(first).toHaveLength(2);
  for (const [i, pid] of first.entries()) {
    process.kill(Number(pid), "SIGTERM");
    await write();
    await until("the server again", () => processes().length === 3 + i, 30_000);
    for (const one of windows) await until("the stream", () => isConnected(one), 30_000);
    await write();
  }
  for (const one of windows) await expect.poll(() => notesOf(one), { timeout: 30_000 }).toEqual(posted);
  // Who comes now has them too.
  await windows[0]!.open(await windows[1]!.evaluate(() => location.href));
  await expect.poll(() => notesOf(windows[0]!), { timeout: 30_000 }).toEqual(posted);
});

test("whatever a client sends, both servers stand", async () => {
  const ports = (): string[] =>
    [...child.output().matchAll(/server [AB]: process \d+ at port (\d+)/g)].map((match) => match[1]!);
  const started = ports();
  for (const port of new Set(started))
    for (const path of ["/notes", "/"])
      for await (const what of attack(Number(port), path))
        // One that ends is started again, and says so.
        expect(ports(), what).toEqual(started);
}, 60_000);
