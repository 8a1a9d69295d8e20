/**
 * What an XMLHttpRequest may do, one thing at a time. That the browsers' own do for event streams is shown by test/client/runtimes.test.ts.
 */
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, test, vi } from "vitest";
import { createTestClock } from "../../testing/clock.ts";
import { connect, type ConnectOptions, type Verdict } from "../index.ts";
import { xhrTransport, type XhrTransportOptions } from "./xhr.ts";

const URL = "https://a.example/stream";

/** An XMLHttpRequest that does what the test says, and remembers what it was told. */
class ScriptedXhr {
  static all: ScriptedXhr[] = [];
  readyState = 0;
  status = 0;
  responseText = "";
  responseURL = "";
  withCredentials = false;
  type: string | undefined;
  readonly told: unknown[] = [];
  readonly received: Record<string, string> = { "content-type": "text/event-stream" };
  onreadystatechange?: () => void;
  onprogress?: () => void;
  onload?: () => void;
  onerror?: () => void;
  ontimeout?: () => void;
  onabort?: () => void;

  constructor() {
    ScriptedXhr.all.push(this);
  }
  open(method: string, url: string): void {
    if (url.endsWith("/throws")) throw new Error("not allowed");
    this.told.push(method, url);
  }
  setRequestHeader(name: string, value: string): void {
    this.told.push(`${name}: ${value}`);
  }
  overrideMimeType(type: string): void {
    this.type = type;
  }
  send(body: unknown): void {
    this.told.push(body);
  }
  abort(): void {
    this.told.push("abort");
    this.onabort?.();
  }
  getResponseHeader(name: string): string | null {
    return this.received[name] ?? null;
  }

  head(status = 200): void {
    this.readyState = 2;
    this.status = status;
    this.onreadystatechange!();
  }
  text(more: string): void {
    this.readyState = 3;
    this.responseText += more;
    this.onreadystatechange!();
    this.onprogress!();
  }
  load(): void {
    this.readyState = 4;
    this.onreadystatechange!();
    this.onload!();
  }
}

function open(options: ConnectOptions = {}, transport: XhrTransportOptions = {}) {
  ScriptedXhr.all = [];
  const clock = createTestClock();
  const data: string[] = [];
  const errors: string[] = [];
  const connection = connect(URL, {
    clock,
    transport: xhrTransport({
      XMLHttpRequest: ScriptedXhr as unknown as new () => XMLHttpRequest,
      ...transport,
    }),
    onMessage: (message) => void data.push(message.data),
    onError: ({ code, message }) => void errors.push(`${code} ${message}`),
    ...options,
  });
  let verdict: Verdict | undefined;
  void connection.ended.then((how) => (verdict = how));
  const last = (): ScriptedXhr => ScriptedXhr.all.at(-1)!;
  return { clock, connection, data, errors, last, verdict: () => verdict };
}

describe("xhrTransport()", () => {
  test("sends method, headers and body, and reads what is new of a text that grows", async () => {
    const { clock, data, last, verdict } = open({
      method: "POST",
      headers: { "X-A": "é" },
      body: { q: 1 },
      lastEventId: "好",
      until: "done",
    });
    await clock.settle();
    expect(last().told).toEqual([
      "POST",
      URL,
      "accept: text/event-stream",
      "last-event-id: \u00e5\u00a5\u00bd",
      "content-type: application/json",
      "x-a: é",
      '{"q":1}',
    ]);
    expect([last().withCredentials, last().type]).toEqual([false, "text/event-stream; charset=utf-8"]);
    last().head();
    last().text("data: 1\n\ndata");
    last().text(": 2\n");
    last().text("\nevent: done\ndata: 3\n\n");
    await clock.settle();
    expect([data, verdict()]).toEqual([["1", "2", "3"], { reason: "complete" }]);
    expect(last().told.at(-1)).toBe("abort");
  });

  test("asks past the browser's cache: by a header, and by the query where another origin would have to allow that", async () => {
    const asked = async (page?: string, url = URL) => {
      if (page) vi.stubGlobal("location", { href: page, origin: new globalThis.URL(page).origin });
      ScriptedXhr.all = [];
      const transport = xhrTransport({ XMLHttpRequest: ScriptedXhr as unknown as new () => XMLHttpRequest });
      const connection = connect(url, { transport });
      await new Promise((resolve) => setTimeout(resolve, 0));
      connection.close();
      vi.unstubAllGlobals();
      return ScriptedXhr.all[0]!.told;
    };
    expect(await asked()).toContain("cache-control: no-cache");
    expect(await asked(new globalThis.URL("/page", URL).href)).toContain("cache-control: no-cache");
    const [, url, ...headers] = await asked("https://page.example/", `${URL}?a=1#b`);
    expect(url).toMatch(/\?a=1&_=[a-z0-9]+#b$/);
    expect(headers.join()).not.toContain("cache-control");
  });

  test("takes no start of a character for one, on platforms that decode what came so far", async () => {
    const { clock, data, last } = open();
    await clock.settle();
    last().head();
    for (const text of ["data: \uFFFD", "data: \uFFFD\uFFFD", "data: 你", "data: 你\n\n"]) {
      last().responseText = "";
      last().text(text);
    }
    expect(data).toEqual(["你"]);
    // What is really none stays, and comes with what follows it.
    last().text("data: \uFFFD");
    last().text("\n\n");
    expect(data).toEqual(["你", "\uFFFD"]);
  });

  test("tells an end from a break, though both come at the same state", async () => {
    const { clock, errors, last } = open({ retry: { baseMs: 100, capMs: 100 } });
    await clock.settle();
    last().head();
    last().load();
    await clock.advance(100);
    // React Native keeps the status.
    last().head();
    last().readyState = 4;
    last().onreadystatechange!();
    last().onerror!();
    await clock.advance(100);
    last().ontimeout!();
    await clock.advance(100);
    last().onabort!();
    await clock.settle();
    expect(errors.map((error) => error.split(" ")[0])).toEqual([
      "ended",
      "network",
      "timeout",
      "interrupted",
    ]);
  });

  test("shows the start of a refusal, however it comes", async () => {
    const { clock, last, verdict } = open();
    await clock.settle();
    last().head(404);
    last().text("no such");
    last().text(" stream");
    last().load();
    await clock.settle();
    expect(verdict()).toMatchObject({
      reason: "gave-up",
      cause: { code: "status", status: 404, body: "no such stream" },
    });

    const long = open();
    await long.clock.settle();
    long.last().head(404);
    long.last().text("x".repeat(100_000));
    await long.clock.settle();
    expect((long.verdict()!.cause as { body: string }).body).toHaveLength(65_536);
    expect(long.last().told.at(-1)).toBe("abort");

    const broken = open();
    await broken.clock.settle();
    broken.last().head(404);
    broken.last().text("half a");
    broken.last().onerror!();
    await broken.clock.settle();
    expect(broken.verdict()).toMatchObject({ cause: { status: 404, body: "half a" } });
  });

  test("ends a request whose text is too long after a whole message, and the connection goes on from there", async () => {
    const { clock, data, errors, last } = open({}, { maxTextLength: 30 });
    await clock.settle();
    last().head();
    last().text("id: 1\ndata: 1\n\n");
    last().text("id: 2\ndata: 22222222222");
    expect(last().told).not.toContain("abort");
    last().text("\r\n\r\nid: 3\ndata: never");
    expect(last().told.at(-1)).toBe("abort");
    expect([data, errors[0]]).toEqual([
      ["1", "22222222222"],
      `interrupted Event stream ${URL} failed: 59 characters came, and maxTextLength is 30`,
    ]);
    await clock.advance(2000);
    expect(last().told).toContain("last-event-id: 2");
  });

  test("lets the text of what is not asked for twice grow eight times as long, and says that it is truncated then", async () => {
    const { clock, data, last, verdict } = open({ method: "POST" }, { maxTextLength: 20 });
    await clock.settle();
    last().head();
    for (let n = 1; n < 18; n++) last().text(`data: ${n % 10}\n\n`);
    await clock.settle();
    expect([data.length, verdict()]).toEqual([17, undefined]);
    last().text("data: 8\n\n");
    await clock.settle();
    expect(verdict()).toMatchObject({ reason: "truncated", cause: { code: "interrupted" } });
  });

  test("waits no longer than twice the limit for a message to end, and does not ask for it again", async () => {
    const { clock, errors, last, verdict } = open({}, { maxTextLength: 20 });
    await clock.settle();
    last().head();
    last().text(`data: ${"x".repeat(20)}`);
    expect(errors).toEqual([]);
    last().text("x".repeat(20));
    expect(errors[0]).toContain("46 characters came");
    await clock.advance(60_000);
    expect(verdict()).toMatchObject({ reason: "gave-up", cause: { code: "too-large" } });
    expect(ScriptedXhr.all).toHaveLength(1);
  });

  test("cannot hold the server back: what waits is bounded by maxQueuedMessages", async () => {
    const { clock, last, verdict } = open({ maxQueuedMessages: 3, onMessage: () => new Promise(() => {}) });
    await clock.settle();
    last().head();
    for (let n = 0; n < 10; n++) last().text("data: 1\n\n");
    await clock.settle();
    expect(verdict()).toMatchObject({ reason: "gave-up", cause: { code: "too-large" } });
    expect(last().told.at(-1)).toBe("abort");
  });

  test("reports nothing after close()", async () => {
    const { clock, connection, data, errors, last } = open();
    await clock.settle();
    last().head();
    connection.close();
    expect(last().told.at(-1)).toBe("abort");
    last().text("data: 1\n\n");
    last().load();
    await clock.advance(60_000);
    expect([data, errors, ScriptedXhr.all.length, clock.timers]).toEqual([[], [], 1, 0]);
  });

  test("takes no header of a response before it is one, nor in a state that says nothing", async () => {
    const { clock, last } = open();
    await clock.settle();
    last().readyState = 1;
    last().onreadystatechange!();
    last().text("data: 1\n\n");
    expect(last().told).not.toContain("abort");
  });

  test.each([
    ["a platform without one", {}, URL, "unsupported", "there is no XMLHttpRequest here"],
    [
      "another protocol",
      { XMLHttpRequest: ScriptedXhr as never },
      "ftp://a.example/",
      "unsupported",
      "ftp: is not a protocol of event streams",
    ],
  ])("says of %s that it is no use", async (_name, options, url, code, message) => {
    const { cause } = await connect(url, { transport: xhrTransport(options), onMessage() {} }).ended;
    expect(cause).toMatchObject({ code });
    expect(String(cause)).toContain(message);
  });

  test("reports what the platform throws, later", async () => {
    const { errors, clock } = open({}, {});
    void errors;
    await clock.settle();
    const seen: unknown[] = [];
    const opened = xhrTransport({ XMLHttpRequest: ScriptedXhr as never }).open(
      { url: `${URL}/throws`, method: "GET", headers: {} },
      { onResponse() {}, onBytes() {}, onEnd() {}, onError: (error) => void seen.push(error) },
    );
    expect(seen).toEqual([]);
    await Promise.resolve();
    expect(seen).toMatchObject([{ code: "network", message: "Error: not allowed" }]);
    opened.abort();
  });

  test("sends cookies to another origin if asked to", async () => {
    const { clock, last } = open({}, { withCredentials: true });
    await clock.settle();
    expect(last().withCredentials).toBe(true);
  });

  test("needs timers and a TextDecoder: no fetch, EventTarget, AbortController or streams", async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { connect } from "../index.ts";
          import { xhrTransport } from "./xhr.ts";
          globalThis.data = [];
          globalThis.connection = connect("https://a.example/", {
            transport: xhrTransport(),
            onMessage: (message) => globalThis.data.push(message.data),
          });`,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      write: false,
      format: "iife",
      // As Metro does, which shakes no trees.
      treeShaking: false,
      target: "es2022",
    });
    ScriptedXhr.all = [];
    const realm = createContext({ XMLHttpRequest: ScriptedXhr, setTimeout, clearTimeout, TextDecoder });
    runInContext(outputFiles[0]!.text, realm);
    const [xhr] = ScriptedXhr.all;
    xhr!.head();
    xhr!.text("data: 你好\n\n");
    expect([...(realm["data"] as string[])]).toEqual(["你好"]);
    (realm["connection"] as { close(): void }).close();
    expect(xhr!.told.at(-1)).toBe("abort");
  });

  test("refuses a limit that is none", () => {
    expect(() => xhrTransport({ maxTextLength: 0 })).toThrow("maxTextLength is 0, expected a number above 0");
  });
});
