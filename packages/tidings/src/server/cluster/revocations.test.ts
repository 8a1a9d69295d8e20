import { describe, expect, it, vi } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { sharedLog } from "../../../../../test/support/shared-log.ts";
import type { Entry, Page } from "../../log/log.ts";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { ControlFollower } from "./control-follower.ts";
import { HubStreams } from "../streams/hub-streams.ts";
import { CONTROL_TOPIC } from "../topics/reserved-topics.ts";

const { serve, read } = openForTests();
const who = (at: URL): { subscriber: string } => ({ subscriber: at.searchParams.get("who")! });
const draft = (topic: string, text: string): { topic: string; body: Uint8Array } => ({
  topic,
  body: new TextEncoder().encode(text),
});
/** Lets the log hand on what it has. */
const handedOn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("revoke", () => {
  it("ends the streams of one subscriber and no other's", async () => {
    const { hub, url } = await serve({}, who);
    const ann = [await read(`${url}?topic=a&who=ann`), await read(`${url}?topic=b&who=ann`)];
    const bob = await read(`${url}?topic=a&who=bob`);
    expect(await hub.revoke("ann")).toBe(2);
    expect(await hub.revoke("nobody")).toBe(0);
    for (const reader of ann) expect(await reader.ended).toEqual({ complete: true });
    await hub.publish("a", { data: "1" });
    await bob.messagesUntil(1);
    expect(hub.stats().ended).toEqual({ revoked: 2 });
  });

  it.each([false, true])(
    "is done in every process of the log (one that is asked what to hand on: %s)",
    async (withFollow) => {
      const shared = sharedLog(withFollow);
      const processes = [await serve({ log: shared.open() }, who), await serve({ log: shared.open() }, who)];
      const readers = await Promise.all(processes.map(({ url }) => read(`${url}?topic=a&who=ann`)));
      const bob = await read(`${processes[1]!.url}?topic=a&who=bob`);
      expect(await processes[0]!.hub.revoke("ann")).toBe(1);
      for (const reader of readers) expect(await reader.ended).toEqual({ complete: true });
      // One that returns is let in: who may return is for authorize to say.
      const again = await read(`${processes[1]!.url}?topic=a&who=ann`);
      await processes[0]!.hub.publish("a", { data: "1" });
      for (const reader of [bob, again]) expect((await reader.messagesUntil(1))[0]!.data).toBe("1");
      expect(processes.map(({ hub }) => hub.stats().ended)).toEqual([{ revoked: 1 }, { revoked: 1 }]);
    },
  );

  it("looks at no streams for one who has none, and not at those behind the last of one who has some", async () => {
    const looked = vi.fn();
    const walk = HubStreams.prototype[Symbol.iterator];
    vi.spyOn(HubStreams.prototype, Symbol.iterator).mockImplementation(function* (this: HubStreams) {
      for (const stream of { [Symbol.iterator]: () => walk.call(this) }) {
        looked(stream.subscriber);
        yield stream;
      }
    });
    const shared = sharedLog();
    const [one, two] = [await serve({ log: shared.open() }, who), await serve({ log: shared.open() }, who)];
    for (const name of ["ann", "bob", "ann", "cem"]) await read(`${two.url}?topic=a&who=${name}`);
    for (let n = 0; n < 100; n += 1) expect(await one.hub.revoke(`nobody ${n}`)).toBe(0);
    expect(await two.hub.revoke("ann")).toBe(2);
    expect(looked.mock.calls.flat()).toEqual(["ann", "bob", "ann"]);
    vi.restoreAllMocks();
  });

  it("has its place among the messages: what came before it is sent, what came after it is not", async () => {
    const shared = sharedLog();
    const [one, two] = [await serve({ log: shared.open() }, who), await serve({ log: shared.open() }, who)];
    const readers = [await read(`${one.url}?topic=a&who=ann`), await read(`${two.url}?topic=a&who=ann`)];
    await shared.inner.append([
      draft("a", "data: before\n\n"),
      draft(CONTROL_TOPIC, 'event: revoke\ndata: {"subscriber":"ann"}\n\n'),
      draft("a", "data: after\n\n"),
    ]);
    for (const reader of readers) {
      await reader.ended;
      expect(reader.data).toEqual(["before"]);
    }
  });

  it("is done by a process that was cut off from the log, once it is back", async () => {
    const shared = sharedLog(true);
    const [cut, whole] = [shared.open(), shared.open()];
    const one = await serve({ log: cut }, who);
    const two = await serve({ log: whole }, who);
    const ann = await read(`${one.url}?topic=a&who=ann`);
    const bob = await read(`${one.url}?topic=a&who=bob`);
    cut.cut();
    expect(await two.hub.revoke("ann")).toBe(0);
    await two.hub.publish("a", { data: "1" });
    expect(one.hub.stats().streams).toBe(2);
    await handedOn();
    cut.heal();
    await two.hub.publish("a", { data: "2" });
    await ann.ended;
    await bob.messagesUntil(2);
    expect(bob.data).toEqual(["1", "2"]);
    expect(one.hub.stats().ended).toEqual({ revoked: 1 });
  });

  it("has all streams with a subscriber return, where revocations may have been discarded unread", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.001);
    const shared = sharedLog(true);
    const [cut, whole] = [shared.open(), shared.open()];
    const two = await serve({ log: whole, retention: { messages: 2 } }, who);
    const one = await serve({ log: cut, heartbeatMs: 50 }, who);
    const ann = await read(`${one.url}?topic=a&who=ann`);
    const nobody = await read(`${one.url}?topic=a&who=`);
    cut.cut();
    await two.hub.revoke("bob");
    for (const data of ["1", "2", "3"]) await two.hub.publish("a", { data });
    await handedOn();
    cut.heal();
    await two.hub.publish("a", { data: "4" });
    expect(await ann.ended).toEqual({ complete: true });
    expect(one.errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining("Revocations may have been discarded") }),
    ]);
    await until(() => one.hub.stats().ended["revoked"] === 2);
    nobody.cut();
    vi.restoreAllMocks();
  });

  it("is done here when the log could not take it, and says so", async () => {
    const log = memoryLog();
    const { hub, url } = await serve({ log }, who);
    const ann = await read(`${url}?topic=a&who=ann`);
    vi.spyOn(log, "append").mockRejectedValueOnce(new Error("no room"));
    await expect(hub.revoke("ann")).rejects.toThrow("no room");
    await ann.ended;
    expect(hub.stats().ended).toEqual({ revoked: 1 });
  });

  it("refuses what is no text, and does nothing in a hub that has drained", async () => {
    const { hub } = await serve();
    await expect(hub.revoke(7 as never)).rejects.toThrow("Cannot revoke: subscriber is 7, expected text");
    await hub.drain({ overMs: 0 });
    await expect(hub.revoke("ann")).rejects.toThrow("the hub has drained");
  });

  it("takes from the log what it knows, passes over what is newer, and reports what makes no sense", async () => {
    const shared = sharedLog();
    const { hub, url, errors } = await serve({ log: shared.open() }, who);
    const ann = await read(`${url}?topic=a&who=ann`);
    await shared.inner.append([
      draft(CONTROL_TOPIC, 'event: newer\ndata: {"version":9}\n\n'),
      draft(CONTROL_TOPIC, 'event: revoke\ndata: {"subscriber":7}\n\n'),
      draft(CONTROL_TOPIC, "event: revoke\ndata: {\n\n"),
      draft(CONTROL_TOPIC, "data: []\n\n"),
      draft(CONTROL_TOPIC, ":\n\n"),
      draft(CONTROL_TOPIC, 'event: revoke\ndata: {"subscriber":"bob","token":{},"until":5}\n\n'),
    ]);
    await hub.publish("a", { data: "1" });
    expect((await ann.messagesUntil(1))[0]!.data).toBe("1");
    await shared.inner.append([
      draft(CONTROL_TOPIC, 'event: revoke\ndata: {"subscriber":"ann","more":1}\n\n'),
    ]);
    await ann.ended;
    // Three a minute: who floods the log does not flood the reports.
    expect(errors.map((error) => String(error).slice(0, 40))).toHaveLength(3);
    await until(() => hub.stats().streams === 0);
  });
});

describe("reserved topics", () => {
  it("are no application's", async () => {
    const { hub, url } = await serve();
    await expect(hub.publish(CONTROL_TOPIC, { data: 1 })).rejects.toThrow(
      'topic is "$tidings/control", expected one that does not begin with $tidings/',
    );
    expect((await read(`${url}?topic=${encodeURIComponent(CONTROL_TOPIC)}`)).status).toBe(400);
    expect(() => hub.read({ topics: [{ pattern: "$tidings/*" }] })).toThrow("reserved for the hub");
  });

  it("are matched by no pattern, neither live nor from the log", async () => {
    const { hub, url } = await serve({}, { topics: [{ pattern: "*" }], from: "earliest" });
    const live = await read(url);
    await hub.revoke("nobody");
    await hub.publish("a", { data: "1" });
    await hub.revoke("nobody");
    await hub.publish("a", { data: "2" });
    const late = await read(url);
    for (const reader of [live, late]) {
      await reader.messagesUntil(2);
      expect(reader.data).toEqual(["1", "2"]);
    }
  });
});

it("stops waiting for a tail that does not move when the time limit passes", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const follower = new ControlFollower(
    { epoch: "e", head: 1 },
    {
      log: { read: () => new Promise<never>(() => undefined) },
      topics: ["$control"],
      onEntry: () => undefined,
      onLost: () => undefined,
      onError: () => undefined,
    },
  );
  await follower.handedOn(1, 1e6);
  await follower.handedOn(2, 5);
  const late = follower.handedOn(2, 1e6);
  follower.add({ after: 1, through: 2, entries: [] });
  await late;
  const last = follower.handedOn(3, 1e6);
  follower.close();
  await last;
  // Other files of the same worker may have had some that are over by now.
  expect(timers()).toBeLessThanOrEqual(before);
});

it("takes a revocation in its place also while older records are read, and once", async () => {
  const entry = (offset: number, topic: string): Entry => ({
    offset,
    topic,
    atMs: 0,
    body: new Uint8Array(0),
  });
  const taken: number[] = [];
  let answer: (page: Page) => void = () => undefined;
  const follower = new ControlFollower(
    { epoch: "e", head: 1 },
    {
      log: { read: () => new Promise<Page>((resolve) => (answer = resolve)) },
      topics: ["$control", "$presence"],
      urgent: "$control",
      onEntry: ({ offset }) => taken.push(offset),
      onLost: () => undefined,
      onError: () => undefined,
    },
  );
  // What came between is missing: it has to be read.
  follower.add({ after: 3, through: 5, entries: [entry(4, "$control"), entry(5, "$presence")] });
  expect(taken).toEqual([4]);
  answer({
    entries: [entry(2, "$control"), entry(3, "$presence"), entry(4, "$control"), entry(5, "$presence")],
    through: 5,
    lostThrough: 0,
  });
  await expect.poll(() => taken).toEqual([4, 2, 3, 5]);
  follower.close();
});
