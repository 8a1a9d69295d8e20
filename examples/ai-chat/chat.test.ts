/** A reload, a second tab, a stop and the death of a server, in Chromium: the text is the same afterwards as without them. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../../test/browsers/chromium.ts";
import { type Browser, type Child, startChild, until } from "../../test/browsers/index.ts";
import { attack } from "../../test/docs/attack.ts";
import { execute, ROOT } from "../../test/package/packed.ts";
import { freePort } from "../../test/support/free-port.mjs";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const QUESTION = "你好";
const WHOLE = `You asked: 你好. ${"I have thought about it, one word after the other. ".repeat(4)}That is what I can say. 谢谢你的问题。`;

let child: Child;
let browser: Browser;
let other: Browser;
let origin: string;
beforeAll(async () => {
  if (!existsSync(join(FOLDER, "node_modules/vite"))) {
    throw new Error(
      "Cannot start the example: Vite is not installed, expected it from: npm ci in examples/ai-chat",
    );
  }
  const port = String(await freePort());
  child = startChild(process.execPath, [join(FOLDER, "start.mjs")], { env: { PORT: port } });
  browser = await startChromium();
  other = await startChromium();
  origin = await until("the port", () => /^http:\/\/127\.0\.0\.1:\d+/m.exec(child.output())?.[0], 60_000);
  expect(origin).toBe(`http://127.0.0.1:${port}`);
});
afterAll(async () => {
  await browser?.close();
  await other?.close();
  await child?.stop();
});

/** The chat as a reader sees it: its questions and answers, and whether one is under way. */
async function seen(tab: Browser): Promise<{ texts: string[]; status: string }> {
  const texts = await tab.evaluate(() =>
    [...document.querySelectorAll("article")].map((one) => one.textContent),
  );
  return { texts, status: await tab.text(".status") };
}

const PATIENCE = { timeout: 40_000 };
const DONE = { texts: [QUESTION, WHOLE], status: "ready" };

/** Asks in a chat of its own, and waits until the answer is under way. @returns The chat's address. */
async function ask(): Promise<string> {
  await browser.open(origin);
  await until("the page", async () => (await browser.text(".status")) === "ready");
  await browser.type("input", QUESTION);
  await browser.click("#ask");
  await until("some words", async () => (await seen(browser)).texts[1]?.includes("You asked: 你好. I"));
  return browser.evaluate(() => location.href);
}

test("it compiles", async () => {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  await expect(execute(process.execPath, [compiler, "-p", FOLDER], { cwd: ROOT })).resolves.toBe("");
});

test("an answer is whole in the end, and after a reload", async () => {
  const url = await ask();
  await expect.poll(() => seen(browser), PATIENCE).toEqual(DONE);
  await browser.open(url);
  await expect.poll(() => seen(browser), PATIENCE).toEqual(DONE);
});

test("a page that is loaded again in the midst has the whole answer", async () => {
  const url = await ask();
  await browser.open(url);
  await expect.poll(() => seen(browser), PATIENCE).toEqual(DONE);
});

test("a second tab joins", async () => {
  const url = await ask();
  await other.open(url);
  await until("the answer in the other tab", async () => (await seen(other)).texts.length === 2);
  expect((await seen(browser)).status).toBe("streaming");
  await expect.poll(() => seen(browser), PATIENCE).toEqual(DONE);
  await expect.poll(() => seen(other), PATIENCE).toEqual(DONE);
});

test("what is stopped in one tab is stopped for all, at whichever server", async () => {
  const url = await ask();
  await other.open(url);
  await until("the answer in the other tab", async () => (await seen(other)).texts.length === 2);
  await other.click("#stop");
  await until("the stop", async () => (await seen(browser)).status === "ready");
  const { texts } = await seen(browser);
  expect(texts[1]!.length).toBeLessThan(WHOLE.length);
  expect(WHOLE.startsWith(texts[1]!)).toBe(true);
  await browser.open(url);
  await expect.poll(() => seen(browser), PATIENCE).toEqual({ texts, status: "ready" });
});

test.each([0, 1])("when server %i is killed in the midst, the text is the same afterwards", async (index) => {
  const started = [...child.output().matchAll(/server\.mjs: process (\d+)/g)];
  const pid = Number(started[index]![1]);
  const url = await ask();
  await other.open(url);
  await until("the answer in the other tab", async () => (await seen(other)).texts.length === 2);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => seen(browser), PATIENCE).toEqual(DONE);
  await other.open(url);
  await expect.poll(() => seen(other), PATIENCE).toEqual(DONE);
});

test("whatever a client sends, both servers stand", async () => {
  const ports = (): string[] =>
    [...child.output().matchAll(/^server\.mjs: process \d+ at port (\d+)/gm)].map((match) => match[1]!);
  const started = ports();
  for (const port of new Set(started))
    for (const path of ["/api/chat", "/api/chat/a/stream", "/"])
      for await (const what of attack(Number(port), path))
        // One that ends is started again, and says so.
        expect(ports(), what).toEqual(started);
  // What is wrong with a request is no error of the server.
  expect(child.output()).not.toContain("Error");
}, 60_000);
