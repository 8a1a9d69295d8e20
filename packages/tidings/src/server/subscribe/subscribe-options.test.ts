import { describe, expect, it } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { createHub } from "../hub/create-hub.ts";
import { checkSubscribeOptions } from "./subscribe-options.ts";

const { serve, read } = openForTests();

describe("options of a subscription", () => {
  it.each([
    [undefined, "options is undefined, expected an object with topics"],
    [{ topics: ["a"], authorize: true }, "authorize is true, expected a function"],
    [{ topics: ["a"], onGapp: "live" }, "there is no option onGapp, expected onGap"],
    [{ topics: ["a"], onGap: "what" }, 'onGap is "what", expected "live" or "earliest" or "fail"'],
    [{ topics: ["a"], from: "latest" }, 'from is "latest", expected "live" or "earliest"'],
    [{ topic: ["a"] }, "there is no option topic, expected topics"],
  ])("refuses %j", (options, message) => {
    expect(() => checkSubscribeOptions(options as never)).toThrow(`Cannot subscribe: ${message}`);
  });

  it("lets pass what else stands in the object", () => {
    expect(() => checkSubscribeOptions({ topics: ["a"], userName: "ann" } as never)).not.toThrow();
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
