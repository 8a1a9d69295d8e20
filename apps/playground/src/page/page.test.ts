/**
 * The page in real browsers: what a visitor does, with each of the three clients.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, engines, until } from "../../../../test/browsers/index.ts";
import {
  buildPlayground,
  type PlaygroundProcess,
  startPlaygroundProcess,
} from "../../test/playground-process.ts";
import { createPlayground, type Playground } from "../server/app.ts";

const CLIENTS = ["connect", "event-source", "browser"] as const;
type Client = (typeof CLIENTS)[number];

let playground: Playground;
let server: Server;
let origin: string;

beforeAll(async () => {
  buildPlayground();
  playground = createPlayground({ tickMs: 20, tokenMs: 5 });
  server = playground.app.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe.each(engines)("the page in $engine", ({ start }) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await start();
    await browser.resize(1280, 900);
  });
  afterAll(() => browser?.close());

  /** Opens the page as somebody sees it for the first time, but for the language. */
  async function visit(at = origin, client: Client = "connect"): Promise<void> {
    await open(at);
    await browser.evaluate(() => {
      localStorage.clear();
      localStorage.setItem("tidings.playground.language", "en");
    });
    await open(at);
    await choose(client);
  }

  /** Opens the page and waits until its code runs, which is when Start can be pressed. */
  async function open(at = origin): Promise<void> {
    await browser.open(at);
    await until("the Start button", () =>
      browser.evaluate(() => document.querySelector("#start:enabled") !== null),
    );
  }

  async function choose(client: Client): Promise<void> {
    await browser.click(`#client label:nth-child(${CLIENTS.indexOf(client) + 1})`);
  }

  /** Waits for the last row to be of this type. @returns The types of all. */
  async function rowsUpTo(type: string): Promise<string[]> {
    return until(`a last row ${type}`, async () => {
      const types = await rowTypes();
      return types.at(-1) === type ? types : undefined;
    });
  }

  /** The type that each row shows, top to bottom. */
  function rowTypes(): Promise<string[]> {
    return browser.evaluate(() =>
      [...document.querySelectorAll("#events .badge")].map((badge) => badge.textContent),
    );
  }

  function stateBecomes(state: string): Promise<unknown> {
    return until(`the state ${state}`, async () => {
      const now = await browser.text("#state");
      if (now !== state) throw new Error(`${now}: ${await browser.text("#notice")}`);
      return true;
    });
  }

  async function messages(): Promise<number> {
    return Number((await browser.text("#messages")).replace(",", ""));
  }

  describe.each(CLIENTS)("with %s", (client) => {
    it("shows the default stream from open to close, and that it is complete", async () => {
      await visit(origin, client);
      await browser.click("#start");
      await stateBecomes("Complete");
      expect(await rowsUpTo("end")).toEqual([
        "open",
        ...Array.from({ length: 11 }, () => "message"),
        "close",
        "end",
      ]);
      expect(await messages()).toBe(12);
      expect(await browser.text("#events .row:nth-child(13) .data")).toBe('{"message":"bye"}');
      expect(await browser.text("#events .row:nth-child(2) .data")).toMatch(/^\{"time":"\d\d:\d\d:\d\d"\}$/);
      expect(await browser.text("#attempts")).toBe("1");
    });

    it("stops midway, and the server sees that it left", async () => {
      await visit(origin, client);
      await browser.type("#url", "/api/sse?tick=86400");
      await browser.click("#start");
      await until("three messages", async () => (await messages()) >= 3);
      expect(playground.streams.size).toBe(1);
      await browser.click("#stop");
      await stateBecomes("Stopped");
      await until("the server to see it", () => playground.streams.size === 0);
      const seen = await messages();
      // Twenty times the tick: whatever still ran would show.
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await messages()).toBe(seen);
      await rowsUpTo("end");
    });

    it("comes back by itself when the server was killed and started again", async () => {
      let victim: PlaygroundProcess = await startPlaygroundProcess(0, 50);
      try {
        await visit(victim.origin, client);
        await browser.type("#url", "/api/sse?tick=86400");
        await browser.click("#start");
        await until("two messages", async () => (await messages()) >= 2);
        await victim.kill();
        await stateBecomes("Reconnecting");
        const seen = await messages();
        victim = await startPlaygroundProcess(victim.port, 50);
        await until("more messages", async () => (await messages()) > seen + 1, 30_000);
        await stateBecomes("Open");
        expect(Number(await browser.text("#attempts"))).toBeGreaterThan(1);
        const types = await rowTypes();
        expect(types.filter((type) => type === "open")).toHaveLength(2);
        expect(types.lastIndexOf("error")).toBeGreaterThan(types.indexOf("message"));
        expect(types.lastIndexOf("open")).toBeGreaterThan(types.lastIndexOf("error"));
        await browser.click("#stop");
      } finally {
        await victim.kill();
      }
    });
  });

  describe.each(["connect", "event-source"] as const)("with %s", (client) => {
    it("posts a question with a header, and shows the answer token by token", async () => {
      await visit(origin, client);
      await browser.click(".preset[value=chat]");
      await browser.click("#start");
      await stateBecomes("Complete");
      expect((await rowsUpTo("end")).at(-2)).toBe("done");
      const answer = await browser.evaluate(() =>
        [...document.querySelectorAll("#events .message:not(.named) .data")]
          .map((data) => (JSON.parse(data.textContent) as { token: string }).token)
          .join(""),
      );
      expect(answer).toContain("你好 👋 你问的是「你好」");
      expect(answer).toMatch(/完 🎉$/);
    });

    it("explains a refusal in words, with the server's own", async () => {
      await visit(origin, client);
      await browser.click(".preset[value=chat]");
      await browser.type("#headers", "");
      await browser.click("#start");
      await stateBecomes("Failed");
      const notice = await browser.text("#notice");
      expect(notice).toContain("The server answered 401");
      expect(notice).toContain("add an Authorization header");
      expect(notice).toContain('Cannot chat: the Authorization header is missing, expected "Bearer demo"');
      expect(await rowsUpTo("end")).toEqual(["error", "end"]);
    });
  });

  it("publishes to a topic, and gets what it missed when it resumes", async () => {
    await visit();
    await browser.click(".preset[value=topic]");
    await browser.click("#start");
    await stateBecomes("Open");
    await browser.type("#publish-event", "headline");
    await browser.type("#publish-data", '{"title":"one"}');
    await browser.press("Enter");
    await rowsUpTo("headline");
    await browser.click("#stop");
    const cursor = await browser.text("#cursor");
    expect(await browser.text("#published")).toBe(`Accepted as ${cursor}`);

    await browser.type("#publish-data", "two");
    await browser.press("Enter");
    await until(
      "the next cursor",
      async () => (await browser.text("#published")) !== `Accepted as ${cursor}`,
    );
    await browser.click("#resume");
    await until(
      "what was missed",
      async () => (await browser.text("#events .row:last-child .data")) === "two",
    );
    expect(await rowsUpTo("headline")).toEqual(["open", "headline", "end", "open", "headline"]);
    expect(await messages()).toBe(1);
    await browser.click("#stop");
  });

  it("switches off what the browser's own client cannot do, says why, and keeps what was entered", async () => {
    await visit();
    await browser.click(".preset[value=chat]");
    await choose("browser");
    const off = (ids: readonly string[]) =>
      browser.evaluate(
        (ids) => ids.map((id) => (document.getElementById(id) as HTMLInputElement).disabled),
        ids as string[],
      );
    expect(await off(["method", "headers", "body"])).toEqual([true, true, true]);
    expect(await browser.text("#headers-why")).toBe("The browser’s EventSource cannot send headers.");
    await choose("connect");
    expect(await off(["method", "headers", "body"])).toEqual([false, false, false]);
    expect(
      await browser.evaluate(() => (document.getElementById("headers") as HTMLTextAreaElement).value),
    ).toBe("Authorization: Bearer demo");
  });

  it("says that the browser's own client does not say why it gave up", async () => {
    await visit(origin, "browser");
    await browser.type("#url", "/api/sse?tick=x");
    await browser.click("#start");
    await stateBecomes("Failed");
    expect(await browser.text("#notice-what")).toBe("The browser gave up");
  });

  it("names CORS when another origin cannot be read", async () => {
    await visit();
    await browser.type("#url", `${origin.replace("127.0.0.1", "localhost")}/api/sse`);
    await browser.click("#start");
    await until("the notice", async () => (await browser.text("#notice")) !== "");
    expect(await browser.text("#notice")).toContain("CORS");
    await browser.click("#stop");
  });

  it("says what is wrong with a URL or a header before it sends anything", async () => {
    await visit();
    await browser.type("#url", "ftp://example.com");
    await browser.click("#start");
    expect(await browser.text("#problem")).toBe("A stream cannot come over ftp: Expected http: or https:");
    await browser.type("#url", "/api/sse");
    await browser.type("#headers", "no colon");
    await browser.click("#start");
    expect(await browser.text("#problem")).toContain("“no colon” is not a header");
    expect(await browser.text("#state")).toBe("Ready");
  });

  it("speaks Chinese when asked, also of what has happened already, and remembers it", async () => {
    await visit();
    await browser.type("#url", "/api/sse?tick=0");
    await browser.click("#start");
    await rowsUpTo("end");
    await browser.click("#language [value=zh-CN]");
    expect(await browser.text("#state")).toBe("已完成");
    expect(await browser.text("#start")).toContain("开始");
    expect(await rowsUpTo("结束")).toEqual(["打开", "message", "close", "结束"]);
    await open();
    expect(await browser.text("#state")).toBe("就绪");
    expect(await browser.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
  });

  it("leaves no word behind in the language before, whatever is on the page", async () => {
    await visit();
    await browser.click("#language [value=zh-CN]");
    await browser.click(".preset[value=topic]");
    await browser.click("#start");
    await stateBecomes("已连接");
    await browser.type("#publish-data", "hello");
    await browser.press("Enter");
    await rowsUpTo("message");
    await browser.click("#events .message .line");
    await browser.click("#stop");
    await rowsUpTo("结束");
    await browser.click("#pause");
    await browser.type("#url", "ftp://example.com");
    await browser.click("#start");
    const chinese = () =>
      browser.evaluate(() => {
        const page = document.body.cloneNode(true) as HTMLElement;
        for (const own of page.querySelectorAll("#language, #theme, #body, pre, .data, noscript"))
          own.remove();
        const labels = [...page.querySelectorAll("*")].flatMap((one) =>
          ["title", "aria-label", "placeholder", "data-nothing"].map((name) => one.getAttribute(name) ?? ""),
        );
        return [page.textContent, ...labels].flatMap((text) => text.match(/[\u3400-\u9fff]+/g) ?? []);
      });
    expect(await browser.text("#published")).toMatch(/^已发布/);
    expect(await browser.text("#problem")).toMatch(/不支持/);
    await browser.click("#language [value=en]");
    expect(await chinese()).toEqual([]);
    expect(await browser.text("#published")).toMatch(/^Accepted as /);
    expect(await browser.text("#problem")).toBe("A stream cannot come over ftp: Expected http: or https:");
  });

  it("counts each run by itself, and draws a line between them", async () => {
    await visit();
    await browser.type("#url", "/api/sse?tick=2");
    await browser.click("#start");
    await stateBecomes("Complete");
    expect(await messages()).toBe(4);
    await browser.click(".preset[value=chat]");
    await browser.type("#headers", "");
    await browser.click("#start");
    await stateBecomes("Failed");
    // The run before ended with a row of that kind, too.
    await until("the rows of this run", async () => (await rowTypes()).length === 8 || undefined);
    expect(await messages()).toBe(0);
    expect(await browser.text("#size")).toBe("0 B");
    const lines = () =>
      browser.evaluate(() =>
        [...document.querySelectorAll("#events > li")].flatMap((row, at) =>
          row.matches(".divider") ? [`${at} ${row.querySelector("span")!.textContent}`] : [],
        ),
      );
    expect(await lines()).toEqual(["6 POST /api/chat"]);
    // Of what the filter leaves, too: never at the top.
    await browser.type("#filter", "error");
    expect(await lines()).toEqual([]);
    await browser.type("#filter", "end");
    expect(await lines()).toEqual(["1 POST /api/chat"]);
  });

  it("objects to a body that is nearly JSON before it is sent, and sends it when told again", async () => {
    await visit();
    await browser.click(".preset[value=chat]");
    await browser.type("#body", '{"q": "你好"');
    expect(await browser.text("#body-kind")).toBe("not valid JSON");
    await browser.click("#start");
    expect(await browser.text("#problem")).toMatch(/^This is not valid JSON: .+ Press again to send it/);
    expect(await browser.text("#state")).toBe("Ready");
    await browser.click("#start");
    await stateBecomes("Failed");
    expect(await browser.text("#problem")).toBe("");
    await browser.type("#body", '{"q": "你好"}');
    expect(await browser.text("#body-kind")).toBe("JSON");
    await browser.click("#start");
    await stateBecomes("Complete");
  });

  it("objects to what is nearly JSON before it is published", async () => {
    await visit();
    await browser.click(".preset[value=topic]");
    await browser.type("#publish-data", '{"title":');
    await browser.press("Enter");
    expect(await browser.text("#published")).toMatch(/^This is not valid JSON/);
    await browser.press("Enter");
    await until("the cursor", async () => (await browser.text("#published")).startsWith("Accepted as"));
  });

  describe.each([
    [1280, 700],
    [390, 740],
  ])("the list on a screen of %i by %i pixels", (width, height) => {
    /** In a frame, since a desktop browser's window cannot be as narrow as a phone's. */
    async function visitFrame(): Promise<void> {
      await visit();
      await browser.evaluate(
        async (width, height) => {
          const frame = document.createElement("iframe");
          frame.id = "frame";
          frame.style.cssText = `position: fixed; z-index: 9; inset: 0 auto auto 0; width: ${width}px; height: ${height}px; border: 0`;
          frame.src = "/";
          const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
          document.body.append(frame);
          await loaded;
          const page = frame.contentDocument!;
          const start = page.querySelector<HTMLButtonElement>("#start")!;
          while (start.disabled) await new Promise((resolve) => setTimeout(resolve, 20));
          page.querySelector<HTMLInputElement>("#url")!.value = "/api/sse?tick=86400";
          start.click();
        },
        width,
        height,
      );
    }

    /** @returns How many rows there were, and how far their end is below the view, once all that is drawn has its place. */
    function look(): Promise<{ rows: number; below: number; top: number; latest: boolean; notice: boolean }> {
      return browser.evaluate(async () => {
        const page = document.querySelector<HTMLIFrameElement>("#frame")!.contentDocument!;
        const { scrollHeight, scrollTop, clientHeight } = page.querySelector("#scroll")!;
        return {
          rows: Number(page.querySelector<HTMLElement>("#events .row:last-child")?.dataset["number"] ?? 0),
          below: scrollHeight - scrollTop - clientHeight,
          top: scrollTop,
          latest: !page.querySelector<HTMLElement>("#latest")!.hidden,
          notice: !page.querySelector<HTMLElement>("#notice")!.hidden,
        };
      });
    }

    /** Waits for so many more rows, and for the last to be in view. */
    async function followed(more: number): Promise<void> {
      const { rows } = await look();
      await until(`${more} more rows, the last in view`, async () => {
        const now = await look();
        return now.rows >= rows + more && now.below < 24 && !now.latest;
      });
    }

    it("follows the newest message through banners, and stands where the reader scrolls to", async () => {
      await visitFrame();
      await followed(40);
      for (let count = 0; count < 2; count++) {
        playground.streams.endAll();
        await until("the banner", async () => (await look()).notice);
        await until("the end in view below the banner", async () => (await look()).below < 24);
        await followed(10);
      }

      const { top } = await look();
      // In a frame's first callback, which is before the page has its scroll event, and before it adds rows.
      await browser.evaluate((top) => {
        const { defaultView: view } = document.querySelector<HTMLIFrameElement>("#frame")!.contentDocument!;
        view!.requestAnimationFrame(() =>
          view!.requestAnimationFrame(() => {
            view!.document.querySelector("#scroll")!.scrollTop = top;
          }),
        );
      }, top - 300);
      await until("rows below", async () => (await look()).latest);
      const before = await look();
      playground.streams.endAll();
      await until("the banner", async () => (await look()).notice);
      await until("more rows", async () => (await look()).rows > before.rows + 10);
      const after = await look();
      expect(Math.abs(after.top - before.top)).toBeLessThan(24);
      expect(after.latest).toBe(true);

      await browser.evaluate(() => {
        const page = document.querySelector<HTMLIFrameElement>("#frame")!.contentDocument!;
        page.querySelector<HTMLElement>("#latest")!.click();
      });
      await followed(10);
      await browser.evaluate(() => {
        const page = document.querySelector<HTMLIFrameElement>("#frame")!.contentDocument!;
        page.querySelector<HTMLElement>("#stop")!.click();
      });
    });
  });

  it("remembers the request, and does without it if that cannot be read", async () => {
    const url = () => browser.evaluate(() => document.querySelector<HTMLInputElement>("#url")!.value);
    await visit();
    await browser.type("#url", "/api/sse?tick=3");
    await open();
    expect(await url()).toBe("/api/sse?tick=3");
    await browser.evaluate(() => localStorage.setItem("tidings.playground.request", "{broken"));
    await open();
    expect(await url()).toBe("/api/sse?tick=10");
  });

  it("is dark or light as chosen, and remembers it", async () => {
    await visit();
    const lightness = () =>
      browser.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0]));
    await browser.click("#theme [value=dark]");
    expect(await lightness()).toBeLessThan(40);
    await open();
    expect(await lightness()).toBeLessThan(40);
    await browser.click("#theme [value=light]");
    expect(await lightness()).toBeGreaterThan(200);
  });

  it("can be used by keyboard alone", async () => {
    await visit();
    await browser.type("#url", "/api/sse?tick=86400");
    await browser.press("Enter");
    await until("three messages", async () => (await messages()) >= 3);
    await browser.press("Escape"); // out of the field
    await browser.press("Escape"); // and stop
    await stateBecomes("Stopped");
    await rowsUpTo("end");
    await browser.press("/");
    for (const key of "close") await browser.press(key);
    await until("no row", async () => (await rowTypes()).length === 0);
    await browser.type("#filter", "time");
    expect((await rowTypes()).length).toBeGreaterThanOrEqual(3);
    await browser.press("Escape");
    await browser.press("j");
    await browser.press("j");
    await browser.press("Enter");
    expect(await browser.text("#events .row:nth-child(2) .detail pre")).toMatch(
      /^\{\n {2}"time": "[\d:]+"\n\}$/,
    );
    await browser.press("x");
    await until("no row", async () => (await rowTypes()).length === 0);
    expect(await browser.text("#messages")).toBe("0");
  });

  it("stands still while paused, and catches up", async () => {
    await visit();
    await browser.type("#url", "/api/sse?tick=86400");
    await browser.click("#start");
    await until("three messages", async () => (await rowTypes()).length > 3);
    await browser.click("#pause");
    const standing = (await rowTypes()).length;
    const counted = await messages();
    await until("more messages", async () => (await messages()) > counted + 3);
    expect((await rowTypes()).length).toBe(standing);
    await browser.click("#pause");
    await until("the rows", async () => (await rowTypes()).length > standing + 3);
    await browser.click("#stop");
  });

  it.each([320, 390, 860])("fits a screen %i pixels wide without scrolling sideways", async (width) => {
    await visit();
    // In a frame, since a desktop browser's window cannot be as narrow as a phone's.
    const beyond = await browser.evaluate(async (width) => {
      const frame = document.createElement("iframe");
      frame.style.cssText = `position: fixed; inset: 0 auto auto 0; width: ${width}px; height: 740px; border: 0`;
      frame.src = "/";
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
      document.body.append(frame);
      await loaded;
      const page = frame.contentDocument!;
      const start = page.querySelector<HTMLButtonElement>("#start")!;
      while (start.disabled) await new Promise((resolve) => setTimeout(resolve, 20));
      page.querySelector<HTMLElement>(".preset[value=chat]")!.click();
      start.click();
      while (!page.querySelector("#events .end")) await new Promise((resolve) => setTimeout(resolve, 20));
      page.querySelector<HTMLElement>("#events .line")!.click();
      return page.scrollingElement!.scrollWidth - width;
    }, width);
    expect(beyond).toBeLessThanOrEqual(0);
  });

  it("asks nobody but its own server", async () => {
    await visit();
    const asked = await browser.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => name),
    );
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((url) => !url.startsWith(origin))).toEqual([]);
  });
});

describe("the page in a flood", () => {
  it("keeps the last 1,000 events, counts them all and says so", async () => {
    const browser = await engines[0]!.start();
    const fast = createPlayground({ tickMs: 1 }).app.listen(0, "127.0.0.1");
    await once(fast, "listening");
    try {
      await browser.open(`http://127.0.0.1:${(fast.address() as AddressInfo).port}`);
      await browser.click("#language [value=en]");
      await browser.type("#url", "/api/sse?tick=2999");
      await browser.click("#start");
      await until("the end", async () => (await browser.text("#state")) === "Complete", 40_000);
      await until("the rows", async () => (await browser.text("#foot")).includes("dropped"));
      expect(await browser.text("#messages")).toBe("3,001");
      expect(await browser.evaluate(() => document.querySelectorAll("#events li").length)).toBe(1000);
      expect(await browser.text("#foot")).toBe(
        "1,000 events. 2,003 older ones were dropped; counts include them.",
      );
    } finally {
      await browser.close();
      fast.closeAllConnections();
      fast.close();
    }
  });
});
