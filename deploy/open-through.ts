/**
 * One stream through one proxy, for a test of what one line does: proxy, server and client end with the test.
 */
import { onTestFinished } from "vitest";
import type { ProxyName } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { type Origin, type OriginOptions, type OriginStream, startOrigin } from "./origin.ts";
import type { RunningProgram } from "./program.ts";
import { startProxy } from "./proxies.ts";
import { openReader, type Reader, type ReaderOptions } from "./reader.ts";

export interface Through {
  readonly stream: OriginStream;
  readonly reader: Reader;
  readonly proxy: RunningProgram;
  readonly origin: Origin;
}

export interface ThroughOptions extends ReaderOptions {
  /** Changes the configuration before the proxy reads it. */
  edit?: (config: string) => string;
  /** What the server behind is like. */
  server?: OriginOptions;
}

export async function openThrough(
  name: ProxyName,
  { edit, server, ...request }: ThroughOptions = {},
): Promise<Through> {
  const origin = await startOrigin(server);
  const { protocol = "HTTP/1.1" } = request;
  const starting = startProxy(name, { upstream: origin.url, protocol, ...(edit ? { edit } : {}) });
  onTestFinished(async () => {
    // The origin first: some proxies do not stop before their streams have ended.
    await origin.stop();
    await (await starting).stop();
  });
  const proxy = await starting;
  const reader = openReader(proxy.url, request);
  onTestFinished(() => reader.leave());
  return { stream: await origin.next(), reader, proxy, origin };
}
