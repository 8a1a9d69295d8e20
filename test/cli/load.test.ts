/**
 * The load generator against servers that keep to the rules, and servers that do not.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { createHub } from "../../packages/tidings/src/server/index.ts";
import { tidings } from "./shell.ts";

interface Result {
  open: number;
  mostOpen: number;
  messages: number;
  failures: Record<string, number>;
  disconnects: number;
  replayed: number;
  latencyIs?: string;
  latencyMs: { count: number };
  order: { counted: number; lost: number; doubled: number; outOfOrder: number };
  storms: { connections: number; allBackMs?: number }[];
}

async function serve(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function hub(
  data: () => unknown = () => ({ ts: performance.timeOrigin + performance.now() }),
): Promise<string> {
  const hub = createHub();
  const timer = setInterval(() => void hub.publish("a", { data: data() }), 50);
  onTestFinished(async () => {
    clearInterval(timer);
    await hub.drain({ overMs: 0 });
  });
  return serve((request, response) => void hub.subscribe(request, response, { topics: ["a"] }));
}

/** Sends numbers, changed by what is wrong with the server. */
function numbers(list: (n: number, reader: number) => readonly number[]) {
  let readers = 0;
  return (_: IncomingMessage, response: ServerResponse): void => {
    const reader = readers++;
    response.writeHead(200, { "content-type": "text/event-stream" });
    let n = 0;
    const timer = setInterval(() => {
      for (const id of list(++n, reader)) response.write(`id: ${id}\ndata: x\n\n`);
    }, 10);
    response.on("close", () => clearInterval(timer));
  };
}

async function load(url: string, ...args: string[]): Promise<{ status: number | null; result: Result }> {
  const { status, out, err } = await tidings(["load", url, "--json", ...args]);
  expect(err).toBe("");
  return { status, result: JSON.parse(out) as Result };
}

test("a hub loses and doubles nothing, in a storm neither", async () => {
  const { status, result } = await load(
    await hub(),
    "-n",
    "100",
    "--ramp",
    "200ms",
    "--hold",
    "1s",
    "--storm",
    "2",
  );
  expect(result).toMatchObject({
    open: 100,
    failures: {},
    disconnects: 0,
    latencyIs: "sent",
    order: { counted: 100, lost: 0, doubled: 0, outOfOrder: 0 },
    storms: [{ connections: 100 }, { connections: 100 }],
  });
  expect(result.storms.every(({ allBackMs }) => allBackMs !== undefined)).toBe(true);
  expect(result.messages).toBeGreaterThan(100);
  expect(result.latencyMs.count + result.replayed).toBe(result.messages);
  expect(status).toBe(0);
});

test("without times in the data, latency is counted from the first arrival", async () => {
  const { result } = await load(await hub(() => "x"), "-n", "10", "--hold", "500ms");
  expect(result.latencyIs).toBe("spread");
});

test.each([
  ["loses", (n: number, reader: number) => (reader === 1 && n % 5 === 0 ? [] : [n]), "lost"],
  ["doubles", (n: number, reader: number) => (reader === 1 && n % 5 === 0 ? [n, n] : [n]), "doubled"],
  [
    "mixes up the order of",
    (n: number, reader: number) => (reader !== 1 || n % 10 > 1 ? [n] : n % 10 === 1 ? [n, n - 1] : []),
    "outOfOrder",
  ],
] as const)("a server that %s messages is found out", async (_, list, fault) => {
  const { status, result } = await load(
    await serve(numbers(list)),
    "-n",
    "3",
    "--ramp",
    "0ms",
    "--hold",
    "1s",
  );
  expect(result.order[fault]).toBeGreaterThan(0);
  expect(status).toBe(1);
});

test("refused and lost connections are counted, with their reasons", async () => {
  let readers = 0;
  const url = await serve((_, response) => {
    const reader = readers++;
    if (reader % 2 === 1) return void response.writeHead(503).end();
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    if (reader % 4 === 0) setTimeout(() => response.destroy(), 100);
  });
  const { status, result } = await load(url, "-n", "8", "--ramp", "0ms", "--hold", "500ms", "--no-reconnect");
  expect(result).toMatchObject({ mostOpen: 4, open: 2, failures: { "status 503": 4 }, disconnects: 2 });
  expect(status).toBe(1);
});

test("those that were lost come back with their cursor", async () => {
  const cursors: unknown[] = [];
  const url = await serve((request, response) => {
    cursors.push(request.headers["last-event-id"]);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("retry: 10\nid: 7\ndata: x\n\n");
    if (cursors.length === 1) setTimeout(() => response.destroy(), 50);
  });
  await load(url, "-n", "1", "--hold", "500ms");
  expect(cursors.slice(0, 2)).toEqual([undefined, "7"]);
});

test("nothing listens", async () => {
  const { status, result } = await load("http://127.0.0.1:1/", "-n", "2", "--hold", "0ms", "--no-reconnect");
  expect(result.failures).toEqual({ ECONNREFUSED: 2 });
  expect(status).toBe(1);
});

test("another machine is not loaded without --yes-i-own-it", async () => {
  const { status, err } = await tidings(["load", "http://192.0.2.1/"]);
  expect(err).toContain("192.0.2.1 (192.0.2.1) is not this machine");
  expect(err).toContain("--yes-i-own-it");
  expect(status).toBe(2);
});

test("10,000 connections from one process, all open at once", async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    response.write(":\n\n");
  });
  const { result } = await load(url, "-n", "10000", "--ramp", "10s", "--hold", "1s");
  expect(result).toMatchObject({ open: 10_000, failures: {}, disconnects: 0 });
}, 120_000);

test("the text says it all, and the HTML report stands alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidings-load-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "load.html");
  const { out } = await tidings([
    "load",
    await hub(),
    "-n",
    "10",
    "--hold",
    "2s",
    "--storm",
    "1",
    "--report",
    file,
  ]);
  expect(out).toMatch(/^connections +10 open at the end, 10 at most, 0 failed, 0 disconnected$/m);
  expect(out).toMatch(/^by cursor +0 lost, 0 doubled, 0 out of order/m);
  expect(out).toMatch(/^storm 1 +10 back after/m);
  const html = readFileSync(file, "utf8");
  expect(html.match(/<svg /g)?.length).toBe(5);
  expect(html).not.toMatch(/<script|https?:\/\/(?!127\.0\.0\.1)/);
});
