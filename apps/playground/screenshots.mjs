/**
 * Takes the pictures of the page that the documentation shows: docs/images/playground-*.png.
 * Run: npm run build && npm run screenshots --workspace @tidings/playground
 * It needs Debian's chromium; with fonts-inter and fonts-jetbrains-mono installed the pictures look as they do in the repository.
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { createPlayground } from "./dist/server/app.js";

const OUT = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const PICTURES = [
  { name: "light", theme: "light", language: "en", width: 1280, height: 800 },
  { name: "dark", theme: "dark", language: "en", width: 1280, height: 800 },
  { name: "chat", theme: "light", language: "zh-CN", width: 1280, height: 800, preset: "chat" },
  { name: "topic", theme: "dark", language: "zh-CN", width: 1280, height: 800, preset: "topic" },
  { name: "narrow", theme: "dark", language: "zh-CN", width: 390, height: 844 },
];

const HEADLINES = [
  ["", "你好，世界"],
  ["headline", '{"title":"早间新闻","lang":"zh-CN"}'],
  ["headline", '{"title":"Morning news","lang":"en"}'],
  ["price", '{"symbol":"TIDE","bid":12.5,"open":true}'],
  ["", "🙂"],
];

const playground = createPlayground();
const server = playground.app.listen(0, "127.0.0.1");
await new Promise((resolve) => {
  server.once("listening", resolve);
});
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  chromiumSandbox: process.getuid?.() !== 0,
});
mkdirSync(OUT, { recursive: true });
const wanted = process.argv.slice(2);
try {
  for (const picture of PICTURES) {
    if (wanted.length === 0 || wanted.includes(picture.name)) await takePicture(picture);
  }
} finally {
  await browser.close();
  playground.endStreams();
  server.closeAllConnections();
  server.close();
}

async function takePicture({ name, theme, language, width, height, preset = "clock" }) {
  const page = await browser.newPage({
    viewport: { width, height },
    deviceScaleFactor: width < 500 ? 2 : 1.5,
  });
  await page.addInitScript(
    ([theme, language]) => {
      localStorage.setItem("tidings.playground.theme", theme);
      localStorage.setItem("tidings.playground.language", language);
    },
    [theme, language],
  );
  await page.goto(origin);
  await page.waitForSelector("#start:enabled");
  await page.click(`.preset[value=${preset}]`);
  await page.click("#start");
  if (preset === "topic") {
    await page.waitForSelector("#events .open");
    for (const [event, data] of HEADLINES) {
      await page.fill("#publish-event", event);
      await page.fill("#publish-data", data);
      await page.press("#publish-data", "Enter");
      await page.waitForTimeout(700);
    }
  } else {
    const rows = preset === "chat" ? 14 : 9;
    await page.waitForSelector(`#events li:nth-of-type(${rows})`, { timeout: 30_000 });
  }
  await page.locator("#events li.message .line").nth(-3).click();
  await page.mouse.move(0, 0);
  await page.waitForTimeout(350);
  await page.screenshot({ path: `${OUT}playground-${name}.png` });
  await page.close();
  console.log(`docs/images/playground-${name}.png`);
}
