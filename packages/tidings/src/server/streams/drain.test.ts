import { afterEach, describe, expect, it, vi } from "vitest";
import { Reader, serveHub, until } from "../../../../../test/support/hub-server.ts";
import { checkDrainOptions, endAtPace } from "./drain.ts";
import { createHub } from "../hub/create-hub.ts";

afterEach(() => void vi.useRealTimers());

describe("endAtPace()", () => {
  it("ends as many in each tenth of the time", async () => {
    vi.useFakeTimers();
    const ended: { ms: number; retryMs: number }[] = [];
    const beganMs = performance.now();
    const done = endAtPace(
      Array.from({ length: 1_000 }, (_, i) => i),
      checkDrainOptions({ overMs: 10_000, retryMs: [100, 1_100] }),
      (_, retryMs) => ended.push({ ms: performance.now() - beganMs, retryMs }),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    await done;
    const tenths = Array.from(
      { length: 10 },
      (_, i) => ended.filter(({ ms }) => ms > i * 1_000 && ms <= (i + 1) * 1_000).length,
    );
    for (const count of tenths) expect(Math.abs(count - 100)).toBeLessThanOrEqual(3);
    // Any hundred in a row are told to return evenly spread, too.
    const slots = ended.slice(300, 400).map(({ retryMs }) => Math.floor((retryMs - 100) / 100));
    for (let slot = 0; slot < 10; slot += 1) {
      expect(Math.abs(slots.filter((one) => one === slot).length - 10)).toBeLessThanOrEqual(2);
    }
  });

  it("ends all at once when there is no time, and nothing when there is nobody", async () => {
    const end = vi.fn();
    await endAtPace([1, 2, 3], checkDrainOptions({ overMs: 0 }), end);
    expect(end).toHaveBeenCalledTimes(3);
    await endAtPace([], checkDrainOptions({}), end);
    expect(end).toHaveBeenCalledTimes(3);
  });

  it.each([
    [{ overMs: -1 }, /overMs is -1/],
    [{ retryMs: [5, 1] as const }, /retryMs is 5 to 1/],
    [{ retryMs: [0, 2 ** 31] as const }, /retryMs/],
    [
      { retryMs: [3_000, 100] as const },
      /retryMs is 3000 to 100, expected two numbers .*, the smaller first/,
    ],
    [{ retryMs: 100 as never }, /retryMs is 100/],
    [{ graceMs: Number.NaN }, /graceMs is NaN/],
    [null as never, /options is null/],
  ])("refuses %j before anything happens", async (options, reason) => {
    const hub = createHub();
    await expect(hub.drain(options)).rejects.toThrow(reason);
    const response = await hub.respond(new Request("http://a/"), { topics: ["a"] });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    await hub.drain({ overMs: 0 });
  });
});

describe("hub.drain()", () => {
  it("tells each stream when to return, refuses new ones, publishes until the end, and leaves nothing", async () => {
    const { hub, url, server } = await serveHub();
    const readers = await Promise.all(Array.from({ length: 10 }, () => Reader.open(`${url}?topic=a`)));
    const drained = hub.drain({ overMs: 300, retryMs: [1_000, 2_000] });
    const late = await Reader.open(`${url}?topic=a`);
    expect([late.status, late.headers["retry-after"]]).toEqual([503, "1"]);
    await readers[0]!.ended;
    await hub.publish("a", { data: "last" });
    await readers[9]!.messagesUntil(1);
    expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual(
      readers.map(() => ({ complete: true })),
    );
    await drained;
    const retries = readers.map((reader) => reader.retries.at(-1)!);
    expect(new Set(retries).size).toBe(10);
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...retries)).toBeLessThanOrEqual(2_000);
    expect(hub.stats()).toMatchObject({ streams: 0, subscriberGroups: 0, ended: { drained: 10 } });
    await expect(hub.publish("a", { data: 1 })).rejects.toMatchObject({ name: "HubError", code: "closed" });
    expect(await hub.drain()).toBeUndefined();
    server.close();
  });

  it("gives the streams what was published in the same turn before it ends them", async () => {
    const { hub, url, server } = await serveHub();
    const reader = await Reader.open(`${url}?topic=a`);
    const published = hub.publish("a", { data: "last words" });
    await hub.drain({ overMs: 0 });
    await published;
    await reader.ended;
    expect(reader.data).toEqual(["last words"]);
    server.close();
  });

  it("cuts a peer that does not take the end, after graceMs", async () => {
    const { hub, url, server } = await serveHub();
    const reader = await Reader.open(`${url}?topic=a`);
    reader.pause();
    const filler = "x".repeat(100_000);
    await until(() => {
      void hub.publish("a", { data: filler });
      return hub.stats().blockedStreams === 1;
    }, "the blocked stream");
    await hub.drain({ overMs: 0, graceMs: 100 });
    expect(hub.stats().streams).toBe(0);
    server.close();
    server.closeAllConnections();
  });

  it("lets the process end: no timer is left", async () => {
    vi.useFakeTimers();
    const hub = createHub();
    const response = await hub.respond(new Request("http://localhost/"), { topics: ["a"] });
    const drained = hub.drain({ overMs: 100, graceMs: 100 });
    const text = response.text();
    await vi.advanceTimersByTimeAsync(2_000);
    await drained;
    expect(await text).toMatch(/^:epoch .*\nid: .*\n\nretry: \d+\n\n$/);
    expect(vi.getTimerCount()).toBe(0);
  });
});
