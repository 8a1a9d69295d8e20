/**
 * Debian's Chromium, headless, driven over the DevTools protocol by playwright-core.
 */
import { chromium as playwright } from "playwright-core";
import type { Browser } from "./browser.ts";
import { findProgram } from "./installed.ts";

// Nothing that a test does not ask for may leave the machine.
const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startChromium(): Promise<Browser> {
  const browser = await playwright.launch({
    executablePath: findProgram(["chromium"], "chromium"),
    chromiumSandbox: process.getuid?.() !== 0,
    args: QUIET,
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(15_000);
  return {
    engine: "chromium",
    open: async (url) => void (await page.goto(url)),
    click: (selector) => page.click(selector),
    async type(selector, text) {
      await page.click(selector);
      await page.fill(selector, "");
      await page.keyboard.type(text);
    },
    press: (key) => page.keyboard.press(key),
    text: async (selector) => (await page.innerText(selector)).trim(),
    evaluate: (run, ...args) => page.evaluate(`(${run.toString()})(...${JSON.stringify(args)})`),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: () => page.screenshot(),
    close: () => browser.close(),
  };
}
