/** What an update asks, refuses and sends. That nothing is lost or doubled by one is in fan-out.test.ts, under random faults. */
import { createGunzip } from "node:zlib";
import { get } from "node:http";
import { describe, expect, it } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";
import type { Subscription, TopicsUpdate } from "../streams/subscription.ts";

const { serve, read } = openForTests();

describe("subscription.update", () => {
  it("adds and removes topics and patterns, and a client that returns goes on where it was", async () => {
    const { hub, url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a&topic=b`);
    await until(() => subscriptions.length === 1);
    const [subscription] = subscriptions as [(typeof subscriptions)[number]];
    for (const topic of ["a", "b", "c/1"]) await hub.publish(topic, { data: `${topic} before` });
    expect(await subscription.update({ add: [{ pattern: "c/:n" }], remove: ["b", "never selected"] })).toBe(
      "updated",
    );
    for (const topic of ["a", "b", "c/1"]) await hub.publish(topic, { data: `${topic} after` });
    await reader.messagesUntil(4);
    expect(reader.data).toEqual(["a before", "b before", "a after", "c/1 after"]);
    reader.cut();
    for (const topic of ["a", "b", "c/2"]) await hub.publish(topic, { data: `${topic} meanwhile` });
    // Its topics are what the server says now.
    await reader.connect(`${url}?topic=a&topic=c/2`);
    await reader.messagesUntil(6);
    expect(reader.data.slice(4)).toEqual(["a meanwhile", "c/2 meanwhile"]);
    expect(hub.stats()).toMatchObject({ subscriberGroups: 1, gaps: { slow: 0, retention: 0, epoch: 0 } });
  });

  it("and a stream are refused where open streams select as much as they may", async () => {
    const { url, hub, subscriptions } = await serve({ limits: { selectionBytes: 700 } });
    await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const long = "b".repeat(40);
    expect(await subscriptions[0]!.update({ add: [long] })).toBe("refused");
    expect((await read(`${url}?topic=${long}`)).status).toBe(503);
    expect((await read(`${url}?topic=a`)).status).toBe(200);
    expect(hub.stats()).toMatchObject({ streams: 2, refused: { "too-many-streams": 1 } });
  });

  it("that are under way take their room", async () => {
    const { url, hub, subscriptions } = await serve({ limits: { selectionBytes: 2_600 } });
    for (const n of [1, 2, 3]) {
      await read(`${url}?topic=a`);
      await until(() => subscriptions.length === n);
    }
    const [one, other, third] = subscriptions as [Subscription, Subscription, Subscription];
    const [x, y] = ["x".repeat(40), "y".repeat(40)];
    // There is room for one selection beside that of all three, and more streams may have it.
    expect(
      await Promise.all([one.update({ add: [x] }), other.update({ add: [y] }), third.update({ add: [x] })]),
    ).toEqual(["updated", "refused", "updated"]);
    expect(hub.stats()).toMatchObject({ streams: 3, subscriberGroups: 2 });
  });

  it("that are under way when their stream ends leave no room taken", async () => {
    let ask = (): void => undefined;
    const asked = new Promise<void>((resolve) => void (ask = resolve));
    const { url, hub, subscriptions } = await serve(
      { limits: { selectionBytes: 2_600 } },
      {
        snapshot: (topic) => {
          if (topic === "a") return undefined;
          ask();
          return new Promise(() => undefined);
        },
      },
    );
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const update = subscriptions[0]!.update({ add: ["x".repeat(40)] });
    await asked;
    expect(hub.stats()).toMatchObject({ subscriberGroups: 2 });
    reader.cut();
    expect(await update).toBe("ended");
    await until(() => hub.stats().subscriberGroups === 0);
  });

  it("that only remove topics are never refused for room", async () => {
    const { url, hub, subscriptions } = await serve({ limits: { selectionBytes: 1_300 } });
    await read(`${url}?topic=a&topic=b`);
    await until(() => subscriptions.length === 1);
    // Beside the selection of both there is no room for one of its own.
    expect(await subscriptions[0]!.update({ remove: ["b"] })).toBe("updated");
    expect(hub.stats()).toMatchObject({ streams: 1, subscriberGroups: 1 });
  });

  it("leaves a stream alone that would select the same", async () => {
    const { url, subscriptions } = await serve();
    await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    expect(await subscriptions[0]!.update({ add: ["a"], remove: ["b"] })).toBe("updated");
    expect(await subscriptions[0]!.update({})).toBe("updated");
  });

  it("makes several in turn", async () => {
    const { hub, url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const updates = [{ add: ["b"] }, { add: ["c"], remove: ["b"] }, { add: ["d"], remove: ["a"] }];
    expect(await Promise.all(updates.map((update) => subscriptions[0]!.update(update)))).toEqual(
      updates.map(() => "updated"),
    );
    for (const topic of ["a", "b", "c", "d"]) await hub.publish(topic, { data: topic });
    await reader.messagesUntil(2);
    expect(reader.data).toEqual(["c", "d"]);
  });

  it("takes its lists as they are when it is called", async () => {
    const { hub, url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const [add, remove] = [["b"], ["a"]];
    const updated = subscriptions[0]!.update({ add, remove });
    add.length = remove.length = 0;
    expect(await updated).toBe("updated");
    for (const topic of ["a", "b"]) await hub.publish(topic, { data: topic });
    await reader.messagesUntil(1);
    expect(reader.data).toEqual(["b"]);
  });

  it.each<[string, unknown, string]>([
    ["no object", 7, "update is 7, expected an object"],
    ["an option that is none", { addd: ["a"] }, "there is no option addd, expected add"],
    ["no list", { add: "b" }, 'add is "b", expected a list'],
    [
      "no topic",
      { remove: [{ topic: "b" }] },
      "remove has an object, expected a topic, { pattern } or { presence }",
    ],
    ["a bad pattern", { add: [{ pattern: "(a)" }] }, "Cannot compile topic pattern"],
    ["a reserved topic", { add: ["$tidings/control"] }, "reserved for the hub"],
    ["too many", { add: ["b", "c", "d"] }, "there are 4 topics, expected 3 or fewer"],
    ["none left", { remove: ["a"] }, "no topics would be left"],
  ])("refuses %s, and the stream goes on", async (_name, update, message) => {
    const { hub, url, subscriptions } = await serve({ limits: { topicsPerStream: 3 } });
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    await expect(subscriptions[0]!.update(update as TopicsUpdate)).rejects.toThrow(message);
    await hub.publish("a", { data: "1" });
    await reader.messagesUntil(1);
  });

  it("bounds how many wait", async () => {
    const { hub, url, subscriptions } = await serve(
      { timeoutMs: false },
      { authorize: ({ first }) => first || new Promise(() => undefined) },
    );
    await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const waiting = Array.from({ length: 100 }, (_, n) => subscriptions[0]!.update({ add: [`${n}`] }));
    await expect(subscriptions[0]!.update({ add: ["b"] })).rejects.toMatchObject({ code: "too-fast" });
    subscriptions[0]!.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ended"]));
    expect(await subscriptions[0]!.update({ add: ["b"] })).toBe("ended");
    await until(() => hub.stats().streams === 0);
  });
});

describe("authorize", () => {
  it("is asked when topics are added, with all there would be, and has its way", async () => {
    const asked: unknown[] = [];
    const authorize: SubscribeOptions["authorize"] = ({ topics, first, subscriber }) => {
      asked.push([topics, first, subscriber]);
      if (topics.includes("fails")) throw new Error("no database");
      return !topics.includes("secret");
    };
    const { hub, url, errors, subscriptions } = await serve({}, { authorize, subscriber: "ann" });
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const [subscription] = subscriptions as [(typeof subscriptions)[number]];
    expect(await subscription.update({ add: ["secret"] })).toBe("refused");
    expect(await subscription.update({ add: ["fails"] })).toBe("refused");
    expect(await subscription.update({ add: ["b"] })).toBe("updated");
    expect(await subscription.update({ remove: ["a"] })).toBe("updated");
    for (const topic of ["secret", "fails", "a", "b"]) await hub.publish(topic, { data: topic });
    await reader.messagesUntil(1);
    expect(reader.data).toEqual(["b"]);
    expect(errors.map(String)).toEqual(["Error: no database"]);
    expect(asked).toEqual([
      [["a"], true, "ann"],
      [["a", "secret"], false, "ann"],
      [["a", "fails"], false, "ann"],
      [["a", "b"], false, "ann"],
    ]);
  });

  it("is asked again about the topics there are then", async () => {
    const asked: unknown[] = [];
    const { url, subscriptions } = await serve(
      { heartbeatMs: 20 },
      {
        authorize: ({ topics, first }) => {
          asked.push(topics);
          return first || asked.length < 4 ? { recheckMs: 20 } : false;
        },
      },
    );
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const updated = subscriptions[0]!.update({ add: ["b"] });
    await reader.ended;
    expect(["updated", "ended"]).toContain(await updated);
    expect(asked.at(-1)).toEqual(["a", "b"]);
  });
});

describe("snapshot", () => {
  it("gives the state of what is added, and what comes after it follows", async () => {
    const asked: string[] = [];
    let release: (() => void) | undefined;
    const snapshot: SubscribeOptions["snapshot"] = async (topic) => {
      asked.push(topic);
      if (topic === "b") await new Promise<void>((resolve) => (release = resolve));
      return { event: "state", data: topic };
    };
    const { hub, url, subscriptions } = await serve({}, { snapshot });
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const updated = subscriptions[0]!.update({ add: ["b", { pattern: "c/*" }] });
    await until(() => release !== undefined);
    // It waits for the state: whatever is published meanwhile comes behind it.
    for (const topic of ["a", "b", "c/1"]) await hub.publish(topic, { data: topic });
    release!();
    expect(await updated).toBe("updated");
    await reader.messagesUntil(5);
    expect(reader.messages.map(({ event, data }) => `${event} ${data}`)).toEqual([
      "state a",
      "state b",
      "message a",
      "message b",
      "message c/1",
    ]);
    expect(asked).toEqual(["a", "b"]);
  });

  it("that fails ends the stream, as it does after a gap", async () => {
    const { url, errors, subscriptions } = await serve(
      {},
      { snapshot: (topic) => (topic === "a" ? undefined : (7 as never)) },
    );
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    expect(await subscriptions[0]!.update({ add: ["b"] })).toBe("ended");
    expect(await reader.ended).toEqual({ complete: false });
    expect(String(errors[0])).toContain('snapshot returned 7 for "b"');
  });
});

it("inspect knows what a stream selected when", async () => {
  const { hub, url, subscriptions } = await serve();
  await read(`${url}?topic=a`);
  await until(() => subscriptions.length === 1);
  const verdict = async (id: string): Promise<string> => (await hub.inspect(id)).streams[0]!.verdict;
  const ids = [(await hub.publish("a", { data: 1 })).id, (await hub.publish("b", { data: 2 })).id];
  await until(() => subscriptions[0]!.cursor === ids[1]);
  await subscriptions[0]!.update({ add: ["b"], remove: ["a"] });
  ids.push((await hub.publish("a", { data: 3 })).id, (await hub.publish("b", { data: 4 })).id);
  await until(() => subscriptions[0]!.cursor === ids[3]);
  expect(await Promise.all(ids.map(verdict))).toEqual(["sent", "not-selected", "not-selected", "sent"]);
});

it("goes on compressed", async () => {
  const { hub, url, subscriptions } = await serve({ compression: true });
  let text = "";
  const request = get(
    `${url}?topic=a`,
    { headers: { "accept-encoding": "gzip" }, agent: false },
    (response) => {
      response
        .pipe(createGunzip().on("error", () => undefined))
        .on("data", (chunk: Buffer) => (text += String(chunk)));
    },
  );
  const other = await read(`${url}?topic=b`);
  await until(() => subscriptions.length === 2);
  const expected: string[] = [];
  for (let n = 0; n < 60; n += 1) {
    const topic = n % 2 === 0 ? "a" : "b";
    await hub.publish(topic, { data: `${topic} ${n}` });
    if (n < 20 ? topic === "a" : topic === "b") expected.push(`${topic} ${n}`);
    if (n === 19) {
      await other.messagesUntil(10);
      for (const one of subscriptions) await one.update({ add: ["b"], remove: ["a"] });
    }
  }
  await until(() => text.includes("b 59"));
  expect([...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1])).toEqual(expected);
  request.destroy();
});
