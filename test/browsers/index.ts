/**
 * The three engines behind one interface.
 * Each start takes a second or two: start a browser once in a file, and `open` a page for each test.
 */
import type { Browser, EngineName } from "./browser.ts";
import { startChromium } from "./chromium.ts";
import { startFirefox } from "./firefox.ts";
import { startWebKit } from "./webkit.ts";

export { type Browser, type EngineName, until } from "./browser.ts";
export { type Child, startChild } from "./child.ts";

/** For `describe.each(engines)`: every engine by name, with what starts it. */
export const engines: readonly { readonly engine: EngineName; readonly start: () => Promise<Browser> }[] = [
  { engine: "chromium", start: startChromium },
  { engine: "firefox", start: startFirefox },
  { engine: "webkit", start: startWebKit },
];
