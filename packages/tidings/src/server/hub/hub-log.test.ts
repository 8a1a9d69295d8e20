/** What becomes of streams when the log under them is replaced, or falls silent. */
import { expect, it, vi } from "vitest";
import { openForTests } from "../../../../../test/support/hub-server.ts";
import type { Log, OpenLogOptions } from "../../log/log.ts";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { TimerWheel } from "../time/timer-wheel.ts";
import { OpenHub } from "./open-hub.ts";

const { serve, read } = openForTests();

/** A log that another one can be put in the place of. */
function replaceable(): { log: Log; replace: () => Promise<void>; options: () => OpenLogOptions } {
  let current = memoryLog();
  let opened: OpenLogOptions;
  return {
    options: () => opened,
    replace: async () => {
      await current.close();
      current = memoryLog();
      opened.onReset!(await current.open(opened));
    },
    log: {
      open: (options) => {
        opened = options;
        return current.open(options);
      },
      append: (drafts, options) => current.append(drafts, options),
      read: (request) => current.read(request),
      head: () => current.head(),
      stats: () => current.stats(),
      close: () => current.close(),
    },
  };
}

it("tells open streams that the log was replaced, and goes on with the new one", async () => {
  const { log, replace } = replaceable();
  const { hub, url } = await serve({ log });
  const reader = await read(`${url}?topic=a`);
  const ids = [];
  for (const data of ["1", "2"]) ids.push((await hub.publish("a", { data })).id);
  await reader.messagesUntil(2);
  await replace();
  await reader.messagesUntil(3);
  const { id } = await hub.publish("a", { data: "3" });
  expect(id.split(".")[1]).toBe("1");
  expect(id.split(".")[0]).not.toBe(ids[0]!.split(".")[0]);
  const messages = await reader.messagesUntil(4);
  expect(messages.map(({ event }) => event)).toEqual(["message", "message", "gap", "message"]);
  expect(JSON.parse(messages[2]!.data)).toEqual({
    from: ids[1],
    to: `${id.split(".")[0]}.0`,
    reason: "epoch",
  });
  expect(messages[3]).toMatchObject({ data: "3", id });
  expect(hub.stats()).toMatchObject({ gaps: { epoch: 1, slow: 0, retention: 0 } });
});

it("ends streams that asked for all or nothing, and sends the others what the new log has", async () => {
  const { log, replace } = replaceable();
  const failing = await serve({ log }, { onGap: "fail" });
  const reader = await read(`${failing.url}?topic=a`);
  await failing.hub.publish("a", { data: "1" });
  await reader.messagesUntil(1);
  await replace();
  expect(await reader.ended).toEqual({ complete: true });
  expect(failing.hub.stats().ended).toEqual({ gap: 1 });

  const other = replaceable();
  const { hub, url } = await serve({ log: other.log }, { onGap: "earliest" });
  const patient = await read(`${url}?topic=a`);
  await hub.publish("a", { data: "1" });
  await patient.messagesUntil(1);
  const replaced = other.replace();
  const publishing = replaced.then(() => hub.publish("a", { data: "2" }));
  await publishing;
  const messages = await patient.messagesUntil(3);
  expect(messages.map(({ event, data }) => (event === "gap" ? event : data))).toEqual(["1", "gap", "2"]);
});

it("refuses new streams when nothing has come from the log for five seconds, and lets them in again", async () => {
  const { log, options } = replaceable();
  let nowMs = 0;
  const hub = new OpenHub(
    { log, onError: vi.fn() },
    { schedule: (run) => void setImmediate(run), now: () => nowMs, wheel: () => new TimerWheel() },
  );
  const status = async (): Promise<number> => {
    const leave = new AbortController();
    const request = new Request("http://127.0.0.1/", { signal: leave.signal });
    const response = await hub.respond(request, { topics: ["a"] });
    leave.abort();
    return response.status;
  };
  expect(hub.stats().logInterruptedMs).toBe(1); // it is not open yet
  expect(await status()).toBe(200);
  expect(hub.stats().logInterruptedMs).toBe(0);
  options().onState!("interrupted");
  expect(hub.stats().logInterruptedMs).toBe(1);
  nowMs += 4_000;
  expect(await status()).toBe(200);
  expect(hub.stats().logInterruptedMs).toBe(4_000);
  nowMs += 2_000;
  expect(await status()).toBe(503);
  options().onState!("following");
  expect(await status()).toBe(200);
  expect(hub.stats().logInterruptedMs).toBe(0);
  expect(hub.stats().refused).toEqual({ failed: 1 });
});

it("asks its log for no statistics when streams are opened, whatever cursor they return with", async () => {
  const { log } = replaceable();
  let asked = 0;
  const counted: Log = {
    ...log,
    stats: () => {
      asked += 1;
      return log.stats();
    },
  };
  const { hub } = await serve({ log: counted });
  const { id } = await hub.publish("a", { data: 1 });
  const epoch = id.split(".")[0]!;
  const cursors = ["", `${epoch}.0`, id, `${epoch}.999`, "other.1", "nonsense"];
  for (const cursor of cursors) {
    for (const from of ["live", "earliest"] as const) {
      const request = new Request("http://a/", { headers: { "last-event-id": cursor } });
      const { status, body } = await hub.respond(request, { topics: ["a", { pattern: "b/*" }], from });
      expect(status).toBe(200);
      await body!.cancel();
    }
  }
  expect(asked).toBe(0);
});

it("reports nothing of a log once it has drained: what was read then is nobody's", async () => {
  const { log } = replaceable();
  let fail: ((error: unknown) => void) | undefined;
  const silent: Log = {
    ...log,
    follow: async () => 0,
    read: () => new Promise((_, reject) => void (fail = reject)),
  };
  const onError = vi.fn();
  const { hub } = await serve({ log: silent, onError });
  await expect.poll(() => fail).toBeTypeOf("function");
  await hub.drain({ graceMs: 0 });
  fail!(new Error("the client is closed"));
  await new Promise((resolve) => void setImmediate(resolve));
  expect(onError).not.toHaveBeenCalled();
});

/** A log that reads nothing any more once it is told so. */
function unreadable(): { log: Log; broken: Error; breakDown: () => void } {
  const { log } = replaceable();
  const broken = new Error("no disk");
  let isBroken = false;
  return {
    broken,
    breakDown: () => void (isBroken = true),
    log: { ...log, read: async (request) => (isBroken ? Promise.reject(broken) : log.read(request)) },
  };
}

it("reports a page that cannot be read once, however many open streams wait for it", async () => {
  const { log, broken, breakDown } = unreadable();
  const onError = vi.fn();
  const { hub } = await serve({ log, recent: { messages: 1 }, onError });
  const open = () => hub.respond(new Request("http://a/"), { topics: ["a"] });
  const read = (await Promise.all([open(), open(), open()])).map((response) => response.text().catch(String));
  breakDown();
  await hub.publish([1, 2, 3, 4].map((data) => ({ topic: "a", data })));
  await Promise.all(read);
  expect(hub.stats().ended).toEqual({ failed: 3 });
  expect(onError.mock.calls).toEqual([[broken]]);
});

it("reports a page that cannot be read once, however many that return wait for it", async () => {
  const { log, broken, breakDown } = unreadable();
  const onError = vi.fn();
  const { hub } = await serve({ log, recent: { messages: 1 }, onError });
  const { id } = await hub.publish("a", { data: 1 });
  await hub.publish([2, 3, 4].map((data) => ({ topic: "a", data })));
  breakDown();
  const again = () =>
    hub.respond(new Request("http://a/", { headers: { "last-event-id": id } }), { topics: ["a"] });
  const statuses = (await Promise.all([again(), again(), again()])).map(({ status }) => status);
  expect(statuses).toEqual([503, 503, 503]);
  expect(onError.mock.calls).toEqual([[broken]]);
  // A later read that fails is another mistake.
  expect((await again()).status).toBe(503);
  expect(onError).toHaveBeenCalledTimes(2);
});
