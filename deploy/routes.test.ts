/**
 * Configurations for one path and for several names, before the real proxies: what belongs to them is live, and what does not is
 * none of theirs.
 */
import { request } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ProxyName, proxyConfig, proxyNames } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { startOrigin } from "./origin.ts";
import { startProgram } from "./program.ts";
import { proxies } from "./proxies.ts";
import { openReader } from "./reader.ts";

async function start(name: ProxyName, options: { path?: string; host?: readonly string[] }) {
  const origin = await startOrigin();
  onTestFinished(() => origin.stop());
  const proxy = await startProgram(proxies[name].program, ({ port }) =>
    proxyConfig(name, {
      upstream: origin.url,
      ...options,
      ...(name !== "varnish" && { listen: `127.0.0.1:${port}` }),
    }),
  );
  onTestFinished(async () => {
    await origin.stop();
    await proxy.stop();
  });
  return { origin, url: proxy.url };
}

/** Whether a request reaches the server behind the proxy. */
function isPassedOn(url: string, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request(url, { headers: { host }, agent: false }, (response) => {
      resolve(response.headers["content-type"] === "text/event-stream");
      asking.destroy();
    });
    asking.on("error", () => resolve(false));
    asking.end();
  });
}

describe.each(proxyNames)("%s", (name) => {
  test("a path and what lies below it are live", async () => {
    const { origin, url } = await start(name, { path: "/events" });
    for (const path of ["/events", "/events/7?a=b"]) {
      const reader = openReader(url + path, {});
      const stream = await origin.next(path);
      stream.send("1");
      await reader.arrival("1");
      expect(stream.request.url).toBe(path);
      reader.leave();
      // It was not cached, nor held: the server learns at once, or with what it writes next.
      if (name !== "apache") await stream.closed;
    }
  });

  test("each of several names is served, whatever port is asked for", async () => {
    const { origin, url } = await start(name, { path: "/events", host: ["a.example", "b.example"] });
    for (const host of ["a.example", "b.example", `b.example:${new URL(url).port}`]) {
      const reader = openReader(`${url}/events`, { headers: { host } });
      const stream = await origin.next("/events");
      stream.send("1");
      await reader.arrival("1");
      expect((await reader.response).status).toBe(200);
      reader.leave();
    }
  });
});

// Varnish has one backend, and passes on whatever it is asked.
describe.each(proxyNames.filter((name) => name !== "varnish"))("%s", (name) => {
  test("another path is not the server's", async () => {
    const { url } = await start(name, { path: "/events" });
    expect(await isPassedOn(`${url}/other`, "localhost")).toBe(false);
  });
});

// The only server of nginx and of Apache answers to every name, as their documentation says.
describe.each(["haproxy", "caddy"] as const)("%s", (name) => {
  test("another name is not the server's", async () => {
    const { url } = await start(name, { host: ["a.example"] });
    expect(await isPassedOn(`${url}/events`, "c.example")).toBe(false);
  });
});
