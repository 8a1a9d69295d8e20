import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../../test/browsers/chromium.ts";
import { type Browser, type Child, startChild, until } from "../../test/browsers/index.ts";
import { attack } from "../../test/docs/attack.ts";
import { execute, ROOT } from "../../test/package/packed.ts";

const FOLDER = dirname(fileURLToPath(import.meta.url));
let child: Child;
let browser: Browser;
let origin: string;
beforeAll(async () => {
  if (!existsSync(join(FOLDER, "node_modules/vite"))) {
    throw new Error(
      "Cannot start the example: Vite is not installed, expected it from: npm ci in examples/react-chat",
    );
  }
  child = startChild(process.execPath, [join(FOLDER, "server.mjs")], { env: { PORT: "0" } });
  browser = await startChromium();
  origin = await until("the port", () => /http:\/\/127\.0\.0\.1:\d+/.exec(child.output())?.[0], 30_000);
});
afterAll(async () => {
  await browser?.close();
  await child?.stop();
});

const shows = (selector: string, text: string): Promise<unknown> =>
  until(`${text} in ${selector}`, async () => (await browser.text(selector)).includes(text));

async function ask(question: string): Promise<void> {
  await browser.open(origin);
  await shows(".running", "0 being answered");
  await browser.type("input", question);
  await browser.click("#ask");
  await shows("h2", question);
}

test("it compiles", async () => {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  await expect(execute(process.execPath, [compiler, "-p", FOLDER], { cwd: ROOT })).resolves.toBe("");
});

test("an answer is whole in the end", async () => {
  await ask("你好");
  await shows(".status", "That is all.");
  expect(await browser.text(".text")).toBe(
    "You asked: 你好. I have thought about it, one word after the other. That is what I can say. 谢谢你的问题。",
  );
  await shows(".running", "0 being answered");
});

test("an answer that breaks off says so, keeps what came, and can be asked for again", async () => {
  await ask("crash, please");
  await shows(".part", "This is a part of the answer: Event stream /api/chat failed");
  const text = await browser.text(".text");
  expect(text).toMatch(/^You asked: crash/);
  expect(text).not.toContain("谢谢");
  await shows(".running", "0 being answered");
  await browser.click(".part button");
  await shows(".status", "That is all.");
});

test("an answer grows as it comes, and when it is stopped it is stopped at the server too", async () => {
  await ask("something long");
  await shows(".text", "You asked: something long.");
  await shows(".running", "1 being answered");
  await browser.click("article button");
  await shows(".running", "0 being answered");
  await shows(".part", "stopped");
  const text = await browser.text(".text");
  expect(text).toContain("You asked: something long.");
  expect(text).not.toContain("谢谢");
});

test("whatever a client sends, the server stands", async () => {
  const { port } = new URL(origin);
  for (const path of ["/api/chat", "/api/running", "/"])
    for await (const what of attack(Number(port), path))
      expect(child.process.exitCode, `${what}\n${child.output()}`).toBeNull();
  await ask("still there?");
  await shows(".status", "That is all.");
}, 30_000);
