import { describe, expect, it } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { StreamQuota, networkOf, publicAddress } from "./stream-quota.ts";

const { serve, read } = openForTests();

describe("limits of streams", () => {
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
});
