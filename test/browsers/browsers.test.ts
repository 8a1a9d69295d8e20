/**
 * Every driver does what its interface says, in the browser itself.
 */
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, engines, until } from "./index.ts";
import { startWebKit } from "./webkit.ts";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Drivers</title>
<input id="name" value="before"><button id="go">Go</button><p id="said"> nothing </p><ol id="events"></ol>
<script>
  document.querySelector("#go").onclick = () => {
    document.querySelector("#said").textContent = " " + document.querySelector("#name").value + " ";
  };
  globalThis.pressed = [];
  addEventListener("keydown", (event) => pressed.push(event.key));
  const source = new EventSource("/stream");
  const note = (text) => document.querySelector("#events").append(Object.assign(document.createElement("li"), { textContent: text }));
  source.onmessage = (event) => note(event.data);
  source.addEventListener("close", (event) => { note("close " + event.data); source.close(); });
</script>`;

let server: Server;
let origin: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end("data: 你好\n\ndata: 🙂\n\nevent: close\ndata: bye\n\n");
      return;
    }
    response.writeHead(200, { "content-type": "text/html" });
    response.end(PAGE);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe.each(engines)("$engine", ({ engine, start }) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await start();
  });
  afterAll(() => browser?.close());

  it("is the engine that it says it is", async () => {
    await browser.open(origin);
    const agent = await browser.evaluate(() => navigator.userAgent);
    const marks = { chromium: /Chrome\//, firefox: /Firefox\//, webkit: /^(?!.*Chrome\/).*AppleWebKit\// };
    expect(agent).toMatch(marks[engine]);
  });

  it("runs an event stream to its own close event", async () => {
    await browser.open(origin);
    const events = await until("three events", async () => {
      const seen = await browser.evaluate(() =>
        [...document.querySelectorAll("#events li")].map((item) => item.textContent),
      );
      return seen.length >= 3 && seen;
    });
    expect(events).toEqual(["你好", "🙂", "close bye"]);
  });

  it("types over what a field holds, clicks, and reads text as a reader sees it", async () => {
    await browser.open(origin);
    await browser.type("#name", "after & 1");
    await browser.click("#go");
    expect(await browser.text("#said")).toBe("after & 1");
    await browser.type("#name", "");
    await browser.click("#go");
    expect(await browser.text("#said")).toBe("");
  });

  it("gives the page the focus, so that Enter presses the button that has it", async () => {
    await browser.open(origin);
    await browser.evaluate(() => document.getElementById("go")!.focus());
    await browser.press("Enter");
    expect(await browser.text("#said")).toBe("before");
    expect(await browser.evaluate(() => document.hasFocus())).toBe(true);
  });

  it("presses keys by their names", async () => {
    await browser.open(origin);
    await browser.click("#name");
    for (const key of ["a", "Enter", "Escape", "ArrowDown"]) await browser.press(key);
    const pressed = await browser.evaluate(() => (globalThis as unknown as { pressed: string[] }).pressed);
    expect(pressed).toEqual(["a", "Enter", "Escape", "ArrowDown"]);
  });

  it("gives functions their arguments, awaits their promises and passes on their errors", async () => {
    await browser.open(origin);
    const sum = await browser.evaluate((a, { b }) => Promise.resolve(a + b), 1, { b: 2 });
    expect(sum).toBe(3);
    await expect(browser.evaluate(() => Promise.reject(new Error("no such luck")))).rejects.toThrow(
      "no such luck",
    );
  });

  it("sets the size of the page and takes a picture of it", async () => {
    await browser.open(origin);
    await browser.resize(700, 500);
    expect(await browser.evaluate(() => [innerWidth, innerHeight])).toEqual([700, 500]);
    const png = Buffer.from(await browser.screenshot());
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([700, 500]);
  });
});

describe("until", () => {
  it("says what it waited for and what it saw last", async () => {
    await expect(until("the moon", () => 0, 10)).rejects.toThrow(
      "Cannot find the moon: waited 10 ms, last saw 0",
    );
  });
});

it("webkit opens a page in another browser, of the same size, when its own has ended by itself", async () => {
  const browser = await startWebKit();
  try {
    await browser.resize(700, 500);
    await browser.open(origin);
    const drivers = childrenOf(process.pid).filter(({ name }) => name === "WebKitWebDriver");
    const browsers = drivers.flatMap(({ pid }) => childrenOf(pid));
    expect(browsers).not.toEqual([]);
    for (const { pid } of browsers) process.kill(pid, "SIGKILL");
    await until("an end of the session", async () => {
      const said = await browser.evaluate(() => innerWidth).catch(String);
      return String(said).includes("invalid session id");
    });
    await browser.open(origin);
    expect(await browser.evaluate(() => [innerWidth, innerHeight])).toEqual([700, 500]);
  } finally {
    await browser.close();
  }
});

function childrenOf(parent: number): { pid: number; name: string }[] {
  const { stdout } = spawnSync("ps", ["--ppid", String(parent), "-o", "pid=,comm="], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, name] = /^\s*(\d+) (.+)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), name: name! }];
  });
}
