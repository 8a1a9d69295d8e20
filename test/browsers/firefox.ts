/**
 * Debian's Firefox ESR, headless, driven over WebDriver BiDi by puppeteer-core.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KeyInput, launch } from "puppeteer-core";
import type { Browser } from "./browser.ts";
import { findProgram } from "./installed.ts";

export async function startFirefox(): Promise<Browser> {
  // Firefox refuses to run as root in a home that belongs to somebody else, as CI machines like to have it.
  const home = await mkdtemp(join(tmpdir(), "tidings-firefox-"));
  const browser = await launch({
    browser: "firefox",
    executablePath: findProgram(["firefox-esr", "firefox"], "firefox-esr"),
    headless: true,
    env: { ...process.env, HOME: home, MOZ_DISABLE_AUTO_SAFE_MODE: "1" },
    extraPrefsFirefox: {
      // Nothing that a test does not ask for may leave the machine.
      "app.update.enabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
    },
  });
  // The tab that is there at the start never gets the focus: Enter would press no button, and timers would be slowed.
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  await page.setViewport({ width: 1280, height: 800 });
  return {
    engine: "firefox",
    open: async (url) => void (await page.goto(url)),
    click: (selector) => page.locator(selector).click(),
    async type(selector, text) {
      const field = await page.waitForSelector(selector, { visible: true });
      await field!.evaluate((element) => (element as HTMLInputElement).select());
      if (text === "") await field!.press("Backspace");
      else await field!.type(text);
    },
    press: (key) => page.keyboard.press(key as KeyInput),
    async text(selector) {
      const element = await page.waitForSelector(selector);
      return (await element!.evaluate((found) => (found as HTMLElement).innerText)).trim();
    },
    evaluate: (run, ...args) =>
      page.evaluate(`(${run.toString()})(...${JSON.stringify(args)})`) as Promise<
        Awaited<ReturnType<typeof run>>
      >,
    resize: (width, height) => page.setViewport({ width, height }),
    screenshot: () => page.screenshot(),
    async close() {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
