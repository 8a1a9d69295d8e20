/**
 * The browser's path, in Chromium: there is TextDecoder and nothing else. The same corpora, in a page.
 */
import { existsSync } from "node:fs";
import { build } from "esbuild";
import { chromium as playwright } from "playwright-core";

const ROOT = new URL("../../", import.meta.url).pathname;
const EXECUTABLE = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

export async function chromium({ rounds }) {
  const title = "### Bytes in, Chromium";
  if (EXECUTABLE === undefined)
    return { lines: [title, "", "No Chromium on this machine: not measured."], figures: [] };
  const { outputFiles } = await build({
    stdin: { contents: page(rounds), resolveDir: new URL(".", import.meta.url).pathname },
    bundle: true,
    write: false,
    format: "iife",
    conditions: ["browser"],
  });
  const browser = await playwright.launch({
    executablePath: EXECUTABLE,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const tab = await browser.newPage();
    tab.setDefaultTimeout(0);
    await tab.addScriptTag({ content: outputFiles[0].text });
    const rows = await tab.evaluate(() => globalThis.measured());
    return {
      lines: [
        title,
        "",
        `Chromium ${browser.version()}, TextDecoder alone. MB/s, and how many times the better eventsource-parser.`,
        "",
        "| corpus | chunks | tidings | eventsource-parser 3 | eventsource-parser 4 | ratio |",
        "|---|---|---|---|---|---|",
        ...rows.map(
          ({ corpus, size, speeds, ratio }) =>
            `| ${corpus} | ${size} | ${speeds.map((speed) => speed.toFixed(0)).join(" | ")} | ${ratio.toFixed(2)} × |`,
        ),
      ],
      figures: [],
    };
  } finally {
    await browser.close();
  }
}

/** The page's script; the clock there ticks in 0.1 ms and more, so that a round reads the corpus several times. */
function page(rounds) {
  return `
    import { createParser } from ${JSON.stringify(`${ROOT}packages/tidings/dist/index.js`)};
    import { createParser as createParser3 } from "eventsource-parser-3";
    import { createParser as createParser4 } from "eventsource-parser-4";
    import { corpora } from "./corpora.mjs";
    const peer = (create) => (chunks, take) => {
      const parser = create({ onEvent: ({ data }) => take(data) });
      const decoder = new TextDecoder();
      for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
    };
    const parsers = [
      (chunks, take) => {
        const parser = createParser({ onMessage: ({ data }) => take(data) });
        for (const chunk of chunks) parser.push(chunk);
      },
      peer(createParser3),
      peer(createParser4),
    ];
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    globalThis.measured = async () => {
      const rows = [];
      for (const { name, text, messages } of corpora()) {
        const bytes = new TextEncoder().encode(text);
        for (const size of [64, 1400, 16384, 65536]) {
          const chunks = [];
          for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
          const times = parsers.map(() => []);
          for (let round = -2; round < ${Math.min(rounds, 9)}; round++) {
            parsers.forEach((parse, index) => {
              let seen = 0;
              const start = performance.now();
              for (let n = 0; n < 2; n++) parse(chunks, () => seen++);
              const time = (performance.now() - start) / 2;
              if (seen !== 2 * messages.length) throw new Error(name + ": " + seen);
              if (round >= 0) times[index].push(time);
            });
            await new Promise((resolve) => setTimeout(resolve));
          }
          const ratios = [1, 2].map((peer) => median(times[peer].map((time, n) => time / times[0][n])));
          rows.push({ corpus: name, size, speeds: times.map((list) => bytes.length / 1000 / median([...list])), ratio: Math.min(...ratios) });
        }
      }
      return rows;
    };
  `;
}
