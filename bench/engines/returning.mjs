/** A hundred readers return at once with an old cursor, to a log of 10,000 topics: how long does the event loop stand? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { memoryLog } from "tidings/log";
import { lmdbLog } from "tidings/log/lmdb";
import { createHub } from "tidings/server";

const TOPICS = 10_000;
const READERS = 100;

export async function measureReturning(print) {
  await measure(print, "memory", memoryLog());
  const path = mkdtempSync(join(tmpdir(), "tidings-bench-returning-"));
  const env = open({ path, overlappingSync: false, eventTurnBatching: false });
  await measure(print, "LMDB", lmdbLog(env));
  await env.close();
  rmSync(path, { recursive: true });
}

async function measure(print, name, log) {
  const hub = createHub({ log, retention: { messages: TOPICS * 2 } });
  const cursors = [];
  for (let n = 0; n < TOPICS * 3; n += 500) {
    const messages = Array.from({ length: 500 }, (_, i) => {
      const topic = (n + i) % TOPICS;
      return { topic: `tenant/${topic % 100}/user/${topic}`, data: `${n + i}` };
    });
    cursors.push((await hub.publish(messages)).id);
  }
  // Older than what is retained.
  const cursor = cursors[5];
  const selections = {
    "by name": (n) => [`tenant/${n}/user/${n}`],
    "a pattern each": (n) => [{ pattern: `tenant/${n}/*` }],
    "the same broad pattern": () => [{ pattern: "tenant/:tenant/user/*" }],
    "a pattern each that nothing matches": (n) => [{ pattern: `:tenant/${n}/none` }],
  };
  const stalls = {};
  for (let round = 0; round < 3; round += 1) {
    for (const [key, topics] of Object.entries(selections)) {
      const stallMs = await longestStall(async () => {
        const headers = { "last-event-id": cursor };
        const readers = await Promise.all(
          Array.from({ length: READERS }, async (_, n) => {
            const leave = new AbortController();
            const request = new Request("http://127.0.0.1/", { headers, signal: leave.signal });
            await hub.respond(request, { topics: topics(n), onGap: "earliest" });
            return leave;
          }),
        );
        for (const leave of readers) leave.abort();
      });
      if (round > 0) stalls[key] = Math.min(stalls[key] ?? Infinity, stallMs);
    }
  }
  const figures = {};
  for (const [key, stallMs] of Object.entries(stalls)) figures[`${key}, ms`] = stallMs;
  const named = stalls["by name"];
  figures["worst ratio"] = Math.max(...Object.values(stalls)) / named;
  print(`${name}, ${READERS} readers return: longest stall of the event loop`, figures);
  await hub.drain({ overMs: 0, graceMs: 1 });
}

async function longestStall(work) {
  let longest = 0;
  let running = true;
  let last = performance.now();
  const tick = () => {
    const nowMs = performance.now();
    longest = Math.max(longest, nowMs - last);
    last = nowMs;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  await new Promise((resolve) => setImmediate(resolve));
  await work();
  await new Promise((resolve) => setTimeout(resolve, 300));
  running = false;
  return longest;
}
