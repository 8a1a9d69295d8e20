import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { Reader, serveHub, until, type HubServer } from "../../../../../test/support/hub-server.ts";
import { channels } from "./diagnostics.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

describe("diagnostics channels", () => {
  it("tell of streams that open, are refused, have gaps and end, and of what is published", async () => {
    const heard: [string, Record<string, unknown>][] = [];
    for (const name of Object.keys(channels)) {
      const listen = (message: unknown): void => void heard.push([name, message as Record<string, unknown>]);
      subscribe(name, listen);
      cleanups.push(() => unsubscribe(name, listen));
    }
    const server: HubServer = await serveHub({}, { subscriber: "ann" });
    cleanups.push(() => server.close());
    const reader = await Reader.open(`${server.url}?topic=a`, "elsewhere.1");
    const { id } = await server.hub.publish("a", { data: "1" });
    await reader.messagesUntil(2);
    await (
      await Reader.open(server.url)
    ).ended;
    reader.cut();
    await until(() => heard.some(([name]) => name === "tidings:stream:end"), "the end");

    const [subscription] = server.subscriptions;
    expect(heard).toEqual([
      ["tidings:stream:open", { subscription, subscriber: "ann", lastEventId: "elsewhere.1" }],
      ["tidings:stream:gap", { subscription, reason: "epoch" }],
      ["tidings:publish", { topics: ["a"], ids: [id], repeated: false, tookMs: expect.any(Number) }],
      [
        "tidings:stream:refuse",
        expect.objectContaining({ code: "bad-topics", status: 400, subscriber: "ann" }),
      ],
      ["tidings:stream:end", { subscription, reason: "peer-left" }],
    ]);
  });
});
