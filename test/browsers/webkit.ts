/**
 * Debian's WebKitGTK, the engine nearest to Safari that runs on Linux: MiniBrowser on a screen of its own, driven
 * over WebDriver by WebKitWebDriver.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.mjs";
import { type Browser, until } from "./browser.ts";
import { startChild } from "./child.ts";
import { findMiniBrowser, findProgram } from "./installed.ts";
import { openSession, type Session, WebDriverError } from "./webdriver.ts";
import { startScreen } from "./xvfb.ts";

export async function startWebKit(): Promise<Browser> {
  const driverPath = findProgram(["WebKitWebDriver"], "webkit2gtk-driver");
  const binary = findMiniBrowser();
  const screen = await startScreen();
  const home = await mkdtemp(join(tmpdir(), "tidings-webkit-"));
  // WebKitWebDriver does not say which port it took, so it cannot be given 0.
  const port = await freePort();
  const driver = startChild(driverPath, [`--port=${port}`, "--host=127.0.0.1"], {
    env: {
      DISPLAY: screen.display,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      // It draws without a graphics card. (Without its DMA-BUF renderer it would, too, but never take a picture.)
      LIBGL_ALWAYS_SOFTWARE: "1",
      // On a busy machine its threads that paint through OpenGL crash in Mesa, and the browser with them.
      WEBKIT_SKIA_ENABLE_CPU_RENDERING: "1",
      GTK_A11Y: "none",
      NO_AT_BRIDGE: "1",
      ...(process.getuid?.() === 0 && { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" }),
    },
  });
  const origin = `http://127.0.0.1:${port}`;

  async function stop(): Promise<void> {
    await driver.stop();
    await screen.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await until(`WebKitWebDriver at ${origin}`, async () => (await fetch(`${origin}/status`)).ok);
    const start = () =>
      openSession(origin, {
        "webkitgtk:browserOptions": { binary, args: ["--automation"] },
        timeouts: { implicit: 15_000, pageLoad: 30_000, script: 60_000 },
      });
    let session = await start();
    const browser = controls({
      command: (...sent) => session.command(...sent),
      find: (selector) => session.find(selector),
    });
    let size: [width: number, height: number] | undefined;
    return {
      ...browser,
      async open(url) {
        try {
          await browser.open(url);
        } catch (error) {
          if (!(error instanceof WebDriverError && error.code === "invalid session id")) throw error;
          // The browser ended by itself. The test that saw it fails; the next one has another.
          session = await start();
          if (size !== undefined) await browser.resize(...size);
          await browser.open(url);
        }
      },
      async resize(...wanted) {
        size = wanted;
        await browser.resize(...wanted);
      },
      close: () => session.command("DELETE", "").then(stop, stop),
    };
  } catch (error) {
    await stop();
    throw new Error(`Cannot start WebKitGTK: ${driver.output() || "its driver said nothing"}`, {
      cause: error,
    });
  }
}

function controls({ command, find }: Session): Omit<Browser, "close"> {
  const evaluate: Browser["evaluate"] = async (run, ...args) => {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${run.toString()})(...${JSON.stringify(args)})).then(
        (value) => done({ value: value === undefined ? null : value }),
        (error) => done({ error: String(error) }));`;
    const answer = await command("POST", "/execute/async", { script, args: [] });
    const { value, error } = answer as { value: unknown; error?: string };
    if (error !== undefined) throw new Error(`Cannot evaluate in page: ${error}`);
    return value as never;
  };
  return {
    engine: "webkit",
    evaluate,
    open: async (url) => void (await command("POST", "/url", { url })),
    click: async (selector) => void (await command("POST", `/element/${await find(selector)}/click`)),
    async type(selector, text) {
      const element = await find(selector);
      await command("POST", `/element/${element}/clear`);
      if (text !== "") await command("POST", `/element/${element}/value`, { text });
    },
    async press(key) {
      const value = KEYS[key] ?? key;
      const actions = [
        { type: "keyDown", value },
        { type: "keyUp", value },
      ];
      await command("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
    },
    async text(selector) {
      await find(selector);
      // Not the driver's own text: it finds none in what is cut off by an ellipsis.
      return evaluate(
        (selector) => document.querySelector<HTMLElement>(selector)!.innerText.trim(),
        selector,
      );
    },
    async resize(width, height) {
      // The window has a bar of its own, whose height only the page can tell.
      const bar = await evaluate(() => ({
        width: outerWidth - innerWidth,
        height: outerHeight - innerHeight,
      }));
      await command("POST", "/window/rect", { width: width + bar.width, height: height + bar.height });
      await until(`a viewport ${width} wide`, () => evaluate((wide) => innerWidth === wide, width));
    },
    screenshot: async () => Buffer.from((await command("GET", "/screenshot")) as string, "base64"),
  };
}

/** The standard's code points for keys that write nothing: https://www.w3.org/TR/webdriver2/#keyboard-actions */
const KEYS: Record<string, string> = {
  Backspace: "\uE003",
  Tab: "\uE004",
  Enter: "\uE007",
  Escape: "\uE00C",
  " ": " ",
  ArrowUp: "\uE013",
  ArrowDown: "\uE015",
};
