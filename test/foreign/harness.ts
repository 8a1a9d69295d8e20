/**
 * What the cases of foreign code share: whoever is harmed besides, what is reported, what is left behind. A case gets code that
 * misbehaves in one way, and looks at what came of it.
 */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { createHub, type Hub, type HubOptions } from "../../packages/tidings/src/server/index.ts";
import { countTimers } from "../support/live-timers.ts";
import { countUncaught } from "../support/uncaught.ts";
import { type Bad, fails, isForeign, mistake, shown } from "./bad-code.ts";

export type Case = (bad: Bad) => Promise<void>;

export const uncaught = countUncaught();
export const timers = countTimers();
beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterAll(() => void vi.restoreAllMocks());

export const failing = (): never => {
  throw mistake;
};

/** Several ways to misbehave in one case: each of them with each kind. */
export const each =
  (...all: readonly Case[]): Case =>
  async (bad) => {
    for (const one of all) {
      await one(bad);
      uncaught.length = 0;
    }
  };

/** Called after the case, the last first. */
export const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
  const left = (): string[] => [...timers().filter((where) => !WHEEL.test(where)), ...sockets()];
  await expect.poll(left, { interval: 2 }).toEqual([]);
  uncaught.length = 0;
  vi.mocked(console.error).mockClear();
});
// Nothing is left behind: no timer, no socket, no server. The wheel that all hubs share ends a second after the last of them.
const WHEEL = /timer-wheel/;
const sockets = (): readonly string[] => process.getActiveResourcesInfo().filter((name) => /TCP/.test(name));

/** Lets everything happen that is on its way: what the loopback carries, and what waits for a later turn of the event loop. */
export async function settle(): Promise<void> {
  await sleep(1);
  // Far quicker than timers, each of which waits for its millisecond.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What it resolves with, or undefined when that takes longer. Such milliseconds are not hurried. */
export async function within<Value>(ms: number, promise: PromiseLike<Value>): Promise<Value | undefined> {
  const settled = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, undefined, { signal: settled.signal })]);
  } finally {
    settled.abort();
  }
}

/** Runs a case while timers take a part of their time: for waits that are long on purpose, such as five seconds for a log. */
export const hurried =
  (times: number, run: Case): Case =>
  async (bad) => {
    const { setTimeout: whole } = globalThis;
    // With what the callback is to get: the platform's own fetch has such timers.
    const sooner = (callback: (...values: unknown[]) => void, ms = 0, ...values: unknown[]): unknown =>
      whole(callback, ms / times, ...values);
    globalThis.setTimeout = sooner as typeof whole;
    try {
      await run(bad);
    } finally {
      globalThis.setTimeout = whole;
    }
  };

/** Nothing is uncaught: what went wrong was told in another way. */
export function expectNothingUncaught(): void {
  expect(uncaught.map(shown)).toEqual([]);
}

/** Exactly this was uncaught, so many times: where no option takes a report. */
export function expectUncaught(thrown: unknown, times: number): void {
  expect(uncaught.map(shown)).toEqual(Array.from({ length: times }, () => shown(thrown)));
}

/**
 * What was reported: each mistake once, and nothing else. The error is what was thrown, or has that as its cause.
 * @param dues - What was thrown, for each report.
 */
export function expectReports(reported: readonly unknown[], ...dues: unknown[]): void {
  expect(reported.map(rootOf)).toEqual(dues.map(shown));
}

/** What a report leads back to. Errors of ours have what they are about as their cause, or none. */
function rootOf(error: unknown): string {
  if (isForeign(error)) return shown(error);
  const has = error instanceof Error && "cause" in error;
  return has && isForeign(error.cause) ? shown(error.cause) : `ours: ${String(error)}`;
}

/** Where the report itself fails, both errors are on the console, once each. */
export function expectSecondsOnConsole(bad: Bad, first: unknown, times = 1): void {
  const dues = fails(bad) ? Array.from({ length: times }, () => [first, bad.thrown]).flat() : [];
  expect(vi.mocked(console.error).mock.calls.map(([error]) => shown(error))).toEqual(dues.map(shown));
}

/** A reader beside the misbehaving one: it has to get everything. */
export async function witness(hub: Hub): Promise<{ readonly text: () => string }> {
  const { body } = await hub.respond(new Request("http://a/"), { topics: ["a"] });
  let text = "";
  const reader = body!.getReader();
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  })();
  return { text: () => text };
}

export function openHub(options: HubOptions = {}): { hub: Hub; reported: unknown[] } {
  const reported: unknown[] = [];
  const hub = createHub({ timeoutMs: 30, onError: (error) => reported.push(error), ...options });
  closers.push(() => hub.drain({ overMs: 0, graceMs: 5 }));
  return { hub, reported };
}

export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Three messages and a gap, and the end. */
export const events: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(
    'id: a.1\nevent: gap\ndata: {"from":"a.0","to":"a.1","reason":"slow"}\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n',
  );
};
