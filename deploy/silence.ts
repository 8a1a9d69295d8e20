/**
 * 70 seconds without an event, through every proxy at once: most of them cut a silent stream after 60, unless there are heartbeats.
 */
import { expect, test } from "vitest";
import { type ProxyName, proxyNames } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { happensWithin } from "./checks.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { bare, proxies, startProxy } from "./proxies.ts";
import { openReader, type Protocol } from "./reader.ts";

const SILENCE_MS = 70_000;
const TIMEOUT_MS = 120_000;

/** Whether the stream is still there after the silence, which is when an event that is sent then arrives. */
async function survives(url: string, origin: Origin, protocol: Protocol): Promise<boolean> {
  const reader = openReader(url, { protocol });
  const stream = await origin.next();
  stream.send("before");
  await happensWithin(5000, reader.arrival("before"));
  if (await happensWithin(SILENCE_MS, reader.ended)) return false;
  stream.send("after");
  const arrived = await happensWithin(10_000, reader.arrival("after"));
  reader.leave();
  return arrived;
}

async function throughProxy(
  name: ProxyName,
  tidings: boolean,
  edit: (config: string) => string,
  protocol: Protocol = "HTTP/1.1",
): Promise<boolean> {
  const origin = await startOrigin({ tidings });
  const proxy = await startProxy(name, { upstream: origin.url, protocol, edit });
  try {
    return await survives(proxy.url, origin, protocol);
  } finally {
    await origin.stop();
    await proxy.stop();
  }
}

const asIs = (config: string): string => config;
const overHttp2 = proxyNames.filter((name) => name !== "varnish");

/** In a `describe.concurrent`, so that others run while this waits. */
export function describeSilence(): void {
  test(
    "the heartbeats of Tidings keep a silent stream alive through every proxy",
    { timeout: TIMEOUT_MS },
    async () => {
      const alive = await Promise.all([
        ...proxyNames.map((name) => throughProxy(name, true, asIs)),
        ...proxyNames.map((name) => throughProxy(name, true, bare(name))),
        ...overHttp2.map((name) => throughProxy(name, true, asIs, "HTTP/2 over TLS")),
      ]);
      expect(alive).toEqual(alive.map(() => true));
    },
  );

  test("without heartbeats, all of them but Caddy cut it", { timeout: TIMEOUT_MS }, async () => {
    const alive = await Promise.all(proxyNames.map((name) => throughProxy(name, false, asIs)));
    expect(Object.fromEntries(proxyNames.map((name, index) => [proxies[name].title, alive[index]]))).toEqual({
      "Apache httpd": false,
      Caddy: true,
      HAProxy: false,
      nginx: false,
      Varnish: false,
    });
  });
}
