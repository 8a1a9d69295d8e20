/** Who may have a stream, how many, and for how long. */
import { describe, expect, it, vi } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { StreamQuota, networkOf, publicAddress } from "../subscribe/stream-quota.ts";
import type { HubOptions } from "./hub-options.ts";
import { PublishRate } from "../publish/publish-rate.ts";
import type { Authorization } from "../subscribe/subscribe-options.ts";
import { createHub } from "./create-hub.ts";

const { serve, read } = openForTests();

describe("authorize", () => {
  it.each<[Authorization, number, string]>([
    [false, 403, "forbidden"],
    [{ refuse: 401, headers: { "www-authenticate": "Bearer" }, detail: "no token" }, 401, "unauthorized"],
    [{ refuse: 403, detail: "not yours" }, 403, "forbidden"],
    [{ expiresAtMs: Date.now() - 1 }, 401, "unauthorized"],
  ])("answers %j with %i", async (answer, status, code) => {
    const { hub, url } = await serve({}, { authorize: () => answer });
    const reader = await read(`${url}?topic=a`);
    await reader.ended;
    expect(reader.status).toBe(status);
    expect(JSON.parse(reader.text)).toMatchObject({ status, code });
    expect(reader.headers["www-authenticate"]).toBe(
      status === 401 && answer !== false ? reader.headers["www-authenticate"] : undefined,
    );
    expect(hub.stats()).toMatchObject({ streams: 0, subscriberGroups: 0, refused: { [code]: 1 } });
  });

  it("is told what is asked for, and lets through", async () => {
    const authorize = vi.fn(async () => true);
    const { hub, url } = await serve({}, { authorize, subscriber: "ann" });
    const reader = await read(`${url}?topic=a`);
    await hub.publish("a", { data: "1" });
    await reader.messagesUntil(1);
    expect(authorize.mock.calls).toEqual([
      [{ topics: ["a"], subscriber: "ann", first: true, signal: expect.any(AbortSignal) as AbortSignal }],
    ]);
  });

  it("refuses with 503 when the application fails, and tells it", async () => {
    const { url, errors } = await serve({}, { authorize: () => Promise.reject(new Error("no database")) });
    const reader = await read(`${url}?topic=a`);
    expect([reader.status, reader.headers["retry-after"]]).toEqual([503, "5"]);
    expect(errors).toMatchObject([{ message: "no database" }]);
  });

  it("ends the stream when it expires", async () => {
    const { hub, url } = await serve(
      {},
      { authorize: () => ({ expiresAtMs: Date.now() + 100 }), lifetimeMs: 60_000 },
    );
    const reader = await read(`${url}?topic=a`);
    expect(await reader.ended).toEqual({ complete: true });
    await until(() => hub.stats().streams === 0);
    expect(hub.stats().ended).toEqual({ expired: 1 });
  });

  it("asks again while the stream is open, and ends it when the answer is no", async () => {
    let asked = 0;
    const authorize = ({ first }: { first: boolean }): Authorization => {
      asked += 1;
      expect(first).toBe(asked === 1);
      return asked < 3 ? { recheckMs: 50 } : false;
    };
    const { hub, url } = await serve({}, { authorize });
    const reader = await read(`${url}?topic=a`);
    expect(await reader.ended).toEqual({ complete: true });
    await until(() => hub.stats().streams === 0);
    expect([asked, hub.stats().ended]).toEqual([3, { revoked: 1 }]);
  });

  it("may prolong what would have expired", async () => {
    let asked = 0;
    const authorize = (): Authorization => {
      asked += 1;
      return { expiresAtMs: Date.now() + (asked < 3 ? 3_000 : 60_000), recheckMs: 200 };
    };
    const { hub, url } = await serve({ heartbeatMs: 100 }, { authorize });
    const reader = await read(`${url}?topic=a`);
    await until(() => asked >= 4, "the fourth question");
    expect(hub.stats().streams).toBe(1);
    expect(reader.status).toBe(200);
  });
});

describe("authorize and lifetimeMs", () => {
  it("a renewed authorization does not prolong the lifetime", async () => {
    let asked = 0;
    const authorize = (): Authorization => {
      asked += 1;
      return asked === 1 ? { expiresAtMs: Date.now() + 2_000, recheckMs: 100 } : true;
    };
    const { hub, url } = await serve({}, { authorize, lifetimeMs: 2_500 });
    const reader = await read(`${url}?topic=a`);
    await reader.ended;
    await until(() => hub.stats().streams === 0);
    expect([asked, hub.stats().ended]).toEqual([2, { lifetime: 1 }]);
  });
});

describe("revoke", () => {
  it("ends the streams of one subscriber and no other's", async () => {
    const { hub, url } = await serve({}, (at) => ({ subscriber: at.searchParams.get("who")! }));
    const ann = [await read(`${url}?topic=a&who=ann`), await read(`${url}?topic=b&who=ann`)];
    const bob = await read(`${url}?topic=a&who=bob`);
    expect(hub.revoke("ann")).toBe(2);
    expect(hub.revoke("nobody")).toBe(0);
    for (const reader of ann) expect(await reader.ended).toEqual({ complete: true });
    await hub.publish("a", { data: "1" });
    await bob.messagesUntil(1);
    expect(hub.stats().ended).toEqual({ revoked: 2 });
  });
});

describe("limits", () => {
  it("refuses one stream too many of a subscriber with 429, and takes the next when one has left", async () => {
    const { hub, url } = await serve({ limits: { streamsPerSubscriber: 2 } }, { subscriber: "ann" });
    const first = await read(`${url}?topic=a`);
    await read(`${url}?topic=a`);
    const third = await read(`${url}?topic=a`);
    await third.ended;
    expect(third.status).toBe(429);
    expect(Number(third.headers["retry-after"])).toBeGreaterThanOrEqual(2);
    expect(JSON.parse(third.text)).toMatchObject({
      code: "too-many-streams",
      detail: "2 streams are open for ann (limits.streamsPerSubscriber)",
    });
    first.cut();
    await until(() => hub.stats().streams === 1);
    expect((await read(`${url}?topic=a`)).status).toBe(200);
    expect(hub.stats()).toMatchObject({ streams: 2, refused: { "too-many-streams": 1 } });
  });

  it("refuses one stream too many of the hub with 503, and evicts nobody", async () => {
    const { hub, url } = await serve({ limits: { streams: 1 } });
    const first = await read(`${url}?topic=a`);
    expect((await read(`${url}?topic=a`)).status).toBe(503);
    await hub.publish("a", { data: "1" });
    await first.messagesUntil(1);
  });

  it("counts by the address that the application gives", async () => {
    const { url } = await serve({ limits: { streamsPerAddress: 1 } }, (at) => ({
      address: at.searchParams.get("ip")!,
    }));
    expect((await read(`${url}?topic=a&ip=10.0.0.1`)).status).toBe(200);
    expect((await read(`${url}?topic=a&ip=10.0.0.2`)).status).toBe(200);
    expect((await read(`${url}?topic=a&ip=10.0.0.1`)).status).toBe(429);
  });

  it("does not take a proxy for one peer", () => {
    const proxies = [
      "127.0.0.1",
      "::1",
      "::ffff:10.1.2.3",
      "172.16.0.1",
      "172.31.9.9",
      "192.168.1.1",
      "100.64.0.1",
      "fd00::1",
      "fe80::1",
    ];
    expect(proxies.map(publicAddress)).toEqual(proxies.map(() => undefined));
    const peers = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1"];
    expect(peers.map(publicAddress)).toEqual(peers);
    expect(publicAddress("::ffff:8.8.8.8")).toBe("8.8.8.8");
    expect(publicAddress(undefined)).toBeUndefined();
  });

  it("counts IPv6 by the block that a household has, and IPv4 by address", () => {
    const same = [
      "2001:db8:1:2::1",
      "2001:DB8:1:2:ffff::9",
      "2001:0db8:0001:0002:0:0:0:1",
      "2001:db8:1:2::%eth0",
    ];
    expect(new Set(same.map(networkOf))).toEqual(new Set(["2001:db8:1:2::/64"]));
    expect(
      ["2001:db8:1:3::1", "::1", "2001:db8::", "8.8.8.8", "::ffff:8.8.8.8", "unknown"].map(networkOf),
    ).toEqual(["2001:db8:1:3::/64", "0:0:0:0::/64", "2001:db8:0:0::/64", "8.8.8.8", "8.8.8.8", "unknown"]);
  });

  it("gives a place that was left to the next, and no more than there are", () => {
    const quota = new StreamQuota({ streams: 2, perAddress: 2, perSubscriber: 2 });
    const place = { address: "x", subscriber: "y" };
    expect([quota.enter(place), quota.enter(place)]).toEqual([undefined, undefined]);
    quota.leave(place);
    expect(quota.enter(place)).toBeUndefined();
    expect(quota.enter(place)).toMatchObject({ status: 503 });
  });

  it("bounds how fast is published, over any second, and says when to come back", () => {
    const rate = new PublishRate(10);
    rate.take(10, 0);
    expect(() => rate.take(1, 0)).toThrow(
      expect.objectContaining({ name: "HubError", code: "too-fast", retryAfterMs: 100 }),
    );
    rate.take(1, 100);
    expect(() => rate.take(1, 150)).toThrow(/expected to wait 50 ms/);
    rate.take(10, 5_000);
    // A batch larger than a second's worth passes with a full bucket, and is paid for afterwards.
    rate.take(25, 10_000);
    expect(() => rate.take(1, 11_000)).toThrow(/wait 600 ms/);
    rate.take(1, 11_600);
  });

  it("publishes no faster than it may", async () => {
    const hub = createHub({ limits: { publishesPerSecond: 3 } });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => hub.publish("a", { data: 1 })));
    expect(all.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(hub.stats().published).toBe(3);
    await hub.drain();
  });

  it.each([
    [{ limits: { streams: 0 } }, /limits.streams is 0, expected a number above 0/],
    [{ heartbeatMs: -1 }, /heartbeatMs is -1/],
    [{ history: {} } as never, /there is no option history, expected retention/],
    [
      { limits: { streamsPerAdress: 1 } } as never,
      /limits.streamsPerAdress, expected limits.streamsPerAddress/,
    ],
    [{ retention: { ageMs: Number.NaN } }, /retention.ageMs is NaN/],
    [{ retention: { topics: [{ topics: ["a"], messages: 0 }] } }, /retention.topics messages is 0/],
    [{ retention: { topics: [{ topics: [] }] } }, /there are no topics/],
  ] as [HubOptions, RegExp][])("refuses the options %j", (options, reason) => {
    expect(() => createHub(options)).toThrow(reason);
  });
});

describe("lifetimeMs", () => {
  it("ends a stream after a time by chance between two, for the client to return", async () => {
    const { hub, url } = await serve({}, { lifetimeMs: [50, 100] });
    const reader = await read(`${url}?topic=a`);
    expect(await reader.ended).toEqual({ complete: true });
    await until(() => hub.stats().streams === 0);
    expect(hub.stats().ended).toEqual({ lifetime: 1 });
  });

  it("refuses what is no span of time", async () => {
    const hub = createHub();
    const request = new Request("http://localhost/");
    await expect(hub.respond(request, { topics: ["a"], lifetimeMs: [9, 3] })).rejects.toThrow(
      /lifetimeMs is 9 to 3/,
    );
    expect(hub.stats().refused).toEqual({});
    await hub.drain();
  });
});
