/**
 * The tables of docs/proxies/middleware.md, run: each cell is a question to a real development proxy, in front of a server.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answersOf, checks, happensWithin } from "../../deploy/checks.ts";
import { type Origin, type OriginStream, startOrigin } from "../../deploy/origin.ts";
import { openReader } from "../../deploy/reader.ts";
import { isYes, pageOf, tableBelow } from "../../deploy/table.ts";
import { connect } from "../../packages/tidings/src/client/index.ts";
import { devProxies } from "./dev-proxies.ts";
import { buildNextRewrites, type NextRewrites } from "./next-rewrites.ts";

const page = pageOf("middleware");
const NEXT = "Next rewrites";
// As browsers do.
const request = { headers: { "accept-encoding": "gzip" } };

const variants = [
  { heading: "As they come", tidings: false, mended: false },
  { heading: "With what this page adds", tidings: false, mended: true },
  { heading: "As they come, and a server that uses Tidings", tidings: true, mended: false },
];

// Built while the others are asked.
let building: Promise<NextRewrites>;
beforeAll(() => {
  building = buildNextRewrites();
});
afterAll(async () => (await building).stop());

describe.concurrent("Next rewrites", () => {
  const SILENCE_MS = 32_000;

  /** Whether a stream is still there after a silence longer than Next's time limit. */
  async function survives(url: string, path: string, origin: Origin): Promise<boolean> {
    const reader = openReader(url + path);
    const stream = await origin.next(path.replace(/^\/\w+/, ""));
    stream.send("before");
    await reader.arrival("before");
    if (await happensWithin(SILENCE_MS, reader.ended)) return false;
    stream.send("after");
    await reader.arrival("after");
    reader.leave();
    return true;
  }

  test(
    "cut a stream that is silent for 30 seconds, unless it has heartbeats or proxyTimeout is longer",
    { timeout: 120_000 },
    async () => {
      const next = await building;
      const [url, patient] = await Promise.all([next.start(), next.start({ PROXY_TIMEOUT: "120000" })]);
      const alive = await Promise.all([
        survives(url, "/plain/silent", next.plain),
        survives(url, "/tidings/silent", next.tidings),
        survives(patient, "/plain/patient", next.plain),
      ]);
      expect(alive).toEqual([false, true, true]);
    },
  );
});

describe.concurrent.each(variants)("$heading", ({ heading, tidings, mended }) => {
  const rows = tableBelow(page, heading);

  test("the table has every proxy and every question", () => {
    expect(rows.map(({ title }) => title)).toEqual([...Object.keys(devProxies), NEXT]);
    for (const { cells } of rows) expect(Object.keys(cells)).toEqual(Object.keys(checks));
  });

  /** What the proxy of this name does about each thing that is said of it. */
  async function ask(title: string, said: Record<string, boolean>): Promise<Record<string, boolean>> {
    const start = devProxies[title];
    if (start === undefined) {
      const next = await building;
      const url = await next.start(mended ? { COMPRESS: "no" } : {});
      const [path, origin] = tidings
        ? (["tidings", next.tidings] as const)
        : (["plain", next.plain] as const);
      return answersOf({ url: `${url}/${path}`, origin, request }, said);
    }
    const origin = await startOrigin({ tidings });
    const proxy = await start(origin.url, mended);
    const answers = await answersOf({ url: proxy.url, origin, request }, said);
    await origin.stop();
    await proxy.stop();
    return answers;
  }

  test.each(rows)("$title", async ({ title, cells }) => {
    const said = Object.fromEntries(Object.entries(cells).map(([check, cell]) => [check, isYes(cell, "")]));
    expect(await ask(title, said)).toEqual(said);
  });
});

describe.concurrent("a client of tidings/client", () => {
  test.each(Object.keys(devProxies))(
    "comes back when the server behind %s dies, though nothing tells it",
    async (name) => {
      const origin = await startOrigin({ tidings: true });
      const proxy = await devProxies[name]!(origin.url, false);
      const connection = connect(`${proxy.url}/1`, { idleMs: 1000, retry: { baseMs: 100, capMs: 100 } });
      const message = connection[Symbol.asyncIterator]().next();
      // On a busy machine the client may give up on its first attempt, and webpack-dev-server does not tell the origin.
      let first: OriginStream;
      do {
        first = await origin.next("/1");
        first.send("last");
      } while (!(await happensWithin(1000, message)));
      first.crash();
      // Its last event ID shows that it is the same client.
      expect((await origin.next("/1")).request.headers["last-event-id"]).toBe("last");
      connection.close();
      await origin.stop();
      await proxy.stop();
    },
  );
});

test("what the page adds is what was run", () => {
  const source = readFileSync(new URL("pass-on-ends.ts", import.meta.url), "utf8");
  const body = /\{\n(?<body>[^]*?)\n\}/.exec(source)?.groups?.["body"] ?? "";
  expect(body).not.toBe("");
  for (const line of body.split("\n")) expect(page).toContain(line.trim());
});
