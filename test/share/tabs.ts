/**
 * Tabs of one real browser, as a person has them: the newest in front, the others hidden and slowed down by the browser.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, type CDPSession } from "puppeteer-core";
import { findProgram } from "../browsers/installed.ts";

export interface TabPage {
  /** Runs a function in the page; it sees its arguments and the page's globals alone. */
  evaluate<Args extends readonly number[], T>(run: (...args: Args) => T, ...args: Args): Promise<Awaited<T>>;
  close(): Promise<void>;
  /** Brings it to the front. */
  show(): Promise<void>;
  /** Ends the page's process: Chromium alone has one for each tab. */
  crash(): Promise<void>;
  /** What browsers do to a page that was long hidden. Chromium alone can be told to. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface Tabs {
  open(url: string): Promise<TabPage>;
  close(): Promise<void>;
}

export const browsers = ["chromium", "firefox"] as const;

/** @param storage - Whether sites may store anything, as people may forbid. */
export async function startTabs(
  name: (typeof browsers)[number],
  storage: "allowed" | "blocked" = "allowed",
): Promise<Tabs> {
  // Firefox refuses to run as root in a home that belongs to somebody else, as CI machines like to have it.
  const home = await mkdtemp(join(tmpdir(), "tidings-tabs-"));
  const isChromium = name === "chromium";
  const profile = join(home, "profile");
  if (isChromium && storage === "blocked") {
    await mkdir(join(profile, "Default"), { recursive: true });
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    await writeFile(join(profile, "Default/Preferences"), JSON.stringify(preferences));
  }
  const browser = await launch({
    browser: isChromium ? "chrome" : "firefox",
    executablePath: isChromium
      ? findProgram(["chromium"], "chromium")
      : findProgram(["firefox-esr", "firefox"], "firefox-esr"),
    headless: true,
    // Of servers that a test starts, which have made their own.
    acceptInsecureCerts: true,
    ...(isChromium && { userDataDir: profile }),
    env: { ...process.env, HOME: home, MOZ_DISABLE_AUTO_SAFE_MODE: "1" },
    // Nothing that a test does not ask for may leave the machine.
    args: isChromium
      ? [
          "--disable-gpu",
          "--disable-background-networking",
          "--disable-component-update",
          ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        ]
      : [],
    ...(!isChromium && {
      extraPrefsFirefox: {
        ...(storage === "blocked" && { "network.cookie.cookieBehavior": 2 }),
        "app.update.enabled": false,
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "datareporting.policy.dataSubmissionEnabled": false,
      },
    }),
  });

  return {
    async open(url) {
      const page = await browser.newPage();
      page.setDefaultTimeout(15_000);
      await page.goto(url);
      let session: CDPSession | undefined;
      const setState = async (state: "frozen" | "active") => {
        // Kept: a page whose session is gone thaws. A page in front is never frozen.
        session ??= await page.createCDPSession();
        if (state === "frozen") await (await browser.pages())[0]!.bringToFront();
        await session.send("Page.setWebLifecycleState", { state });
      };
      return {
        evaluate: (run, ...args) =>
          page.evaluate(`(${run.toString()})(...${JSON.stringify(args)})`) as Promise<
            Awaited<ReturnType<typeof run>>
          >,
        close: () => page.close(),
        show: () => page.bringToFront(),
        async crash() {
          const gone = new Promise((resolve) => void page.once("error", resolve));
          session ??= await page.createCDPSession();
          session.send("Page.crash").catch(() => undefined);
          await gone;
        },
        freeze: () => setState("frozen"),
        thaw: () => setState("active"),
      };
    },
    async close() {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
