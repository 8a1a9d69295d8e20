/** Who may have a stream, and until when. */
import { describe, expect, it, vi } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import type { Authorization } from "./subscribe-options.ts";

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

  it("gets what is asked for, and lets through", async () => {
    const authorize = vi.fn(async () => true);
    const { hub, url } = await serve({}, { authorize, subscriber: "ann" });
    const reader = await read(`${url}?topic=a`);
    await hub.publish("a", { data: "1" });
    await reader.messagesUntil(1);
    expect(authorize.mock.calls).toEqual([
      [{ topics: ["a"], subscriber: "ann", first: true, signal: expect.any(AbortSignal) as AbortSignal }],
    ]);
  });

  it.each([
    [{ allowed: false }, /with "allowed", expected true, false/],
    [{ id: 7, name: "ann" }, /with "id"/],
    [{ refused: 403 }, /with "refused"/],
    [{ detail: "not yours" }, /without refuse/],
    [{ expiresAtMs: Date.now() + 60_000, headers: {} }, /without refuse/],
    // `exp` of a JWT: 401 would tell every user of a good token to sign in again, and nobody why.
    [
      { expiresAtMs: Math.floor(Date.now() / 1_000) + 60 },
      /in seconds, expected milliseconds .* exp \* 1000/,
    ],
  ])("does not take %j as a yes: it refuses with 503, and reports it", async (answer, message) => {
    const { url, errors } = await serve({}, { authorize: () => answer as Authorization });
    const reader = await read(`${url}?topic=a`);
    expect(reader.status).toBe(503);
    expect(errors).toMatchObject([{ message: expect.stringMatching(message) as string }]);
  });

  it("refuses with 503 when the application fails, and reports it", async () => {
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
