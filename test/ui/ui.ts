/**
 * A page of test/ui/pages in a real browser, over the server that start.mjs is.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, startChild, until } from "../browsers/index.ts";
import { startChromium } from "../browsers/chromium.ts";

const FOLDER = dirname(fileURLToPath(import.meta.url));
/** A page whose component a test writes, and writes again. Vite has to find the rest there, or reloads the page for it. */
const HOT = join(FOLDER, "pages/hot");
const HOT_PAGE = {
  "react.html": `<div id="root"></div><script type="module" src="/hot/react.jsx"></script>`,
  "react.jsx": `import "../problems.ts";
    import { StrictMode } from "react";
    import { createRoot } from "react-dom/client";
    import { Hot } from "./hot.jsx";
    createRoot(document.querySelector("#root")).render(<StrictMode><Hot /></StrictMode>);`,
  "vue.html": `<div id="root"></div><script type="module" src="/hot/vue.js"></script>`,
  "vue.js": `import "../problems.ts";
    import { createApp } from "vue";
    import Hot from "./hot.vue";
    createApp(Hot).mount("#root");`,
};

export interface Counts {
  /** How many streams there were, how many are open, and the most at once. */
  readonly opened: number;
  readonly open: number;
  readonly most: number;
}

export interface Ui {
  readonly browser: Browser;
  /** Marks the streams of one page, so that another's are not counted with them. */
  run: string;
  /** Opens a page of `pages/`, such as `react.html?scenario=Plain`, and has streams of its own for it. */
  open(path: string): Promise<void>;
  /** Waits until the element shows a text. */
  shows(selector: string, text: string): Promise<void>;
  push(name: string, ...data: string[]): Promise<void>;
  counts(name: string): Promise<Counts>;
  /** Waits until this many of the streams are open. */
  countsOpen(name: string, open: number): Promise<Counts>;
  /** What the page complained of. */
  problems(): Promise<string[]>;
  /** How often a component was drawn. */
  drawn(name: string): Promise<number>;
  /** Writes the component of `hot/react.html` or `hot/vue.html`, as an editor does when it saves. */
  edit(file: "hot.jsx" | "hot.vue", text: string): Promise<void>;
  /** Writes it until the page shows what it should: one that is not connected to Vite yet does not hear of the first time. */
  reload(file: "hot.jsx" | "hot.vue", text: string, selector: string, shown: string): Promise<void>;
  fetch(path: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startUi(...args: string[]): Promise<Ui> {
  if (!existsSync(join(FOLDER, "node_modules/vite"))) {
    throw new Error("Cannot start Vite: it is not installed, expected it from: npm ci --prefix test/ui");
  }
  await rm(HOT, { recursive: true, force: true });
  await mkdir(HOT, { recursive: true });
  for (const [file, text] of Object.entries(HOT_PAGE)) await writeFile(join(HOT, file), text);
  const child = startChild(process.execPath, [join(FOLDER, "start.mjs"), ...args]);
  const browser = await startChromium();
  const origin = await until(
    "Vite's port",
    () => /http:\/\/127\.0\.0\.1:\d+/.exec(child.output())?.[0],
    30_000,
  );
  const get = async (path: string): Promise<string> => (await fetch(`${origin}${path}`)).text();
  const counts = async (name: string): Promise<Counts> =>
    JSON.parse(await get(`/counts?name=${encodeURIComponent(name)}`)) as Counts;
  let runs = 0;
  const nameOf = (name: string): string => `${name} ${ui.run}`;
  const ui: Ui = {
    browser,
    run: "",
    async open(path) {
      ui.run = String((runs += 1));
      await browser.open(`${origin}/${path}${path.includes("?") ? "&" : "?"}run=${ui.run}`);
    },
    shows: (selector, text) =>
      until(`${JSON.stringify(text)} in ${selector}`, async () => {
        const shown = await browser.text(selector);
        if (shown !== text) throw new Error(`it shows ${JSON.stringify(shown)}`);
        return true;
      }).then(
        () => undefined,
        async (error: Error) => {
          const told = await browser.evaluate(() => globalThis.problems);
          throw new Error(
            `${error.message}; the page: ${JSON.stringify(told)}; Vite: ${child.output().slice(-2_000)}`,
            {
              cause: error,
            },
          );
        },
      ),
    async push(name, ...messages) {
      for (const data of messages)
        await get(`/push?name=${encodeURIComponent(nameOf(name))}&data=${encodeURIComponent(data)}`);
    },
    counts: (name) => counts(nameOf(name)),
    countsOpen: (name, open) =>
      until(`${open} open streams of ${name}`, async () => {
        const counted = await counts(nameOf(name));
        if (counted.open !== open) throw new Error(JSON.stringify(counted));
        return counted;
      }),
    problems: () => browser.evaluate(() => globalThis.problems),
    drawn: (name) => browser.evaluate((name) => globalThis.drawn[name] ?? 0, name),
    edit: write,
    async reload(file, text, selector, shown) {
      let times = 0;
      let writtenAt = -Infinity;
      await until(`${JSON.stringify(shown)} in ${selector}`, async () => {
        if (performance.now() - writtenAt > 2_000) {
          writtenAt = performance.now();
          await write(file, text + "\n".repeat((times += 1)));
        }
        const seen = await browser.text(selector);
        if (seen !== shown)
          throw new Error(`it shows ${JSON.stringify(seen)}; Vite: ${child.output().slice(-500)}`);
        return true;
      });
    },
    fetch: get,
    async stop() {
      await browser.close();
      await child.stop();
      await rm(HOT, { recursive: true, force: true });
    },
  };
  return ui;
}

/** At once: of a file that is empty for a moment Vite makes a page that is loaded anew. */
async function write(file: string, text: string): Promise<void> {
  const written = join(FOLDER, ".cache", file);
  await mkdir(dirname(written), { recursive: true });
  await writeFile(written, text);
  await rename(written, join(HOT, file));
}

declare global {
  // What problems.ts of the pages keeps.
  var problems: string[];
  var drawn: Record<string, number>;
  var framesSeen: number;
}
