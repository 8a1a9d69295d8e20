/**
 * One stream through one proxy, for tests of what one line does: proxy, server and client end with the test.
 */
import { test as base, type TestAPI } from "vitest";
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

export type Open = (options?: ThroughOptions) => Promise<Through>;

/** `test`, with `open` for this proxy. Such tests mostly wait, so they may run side by side. */
export function testThrough(name: ProxyName): TestAPI<{ open: Open }> {
  return base.extend<{ open: Open }>({
    open: async ({ onTestFinished }, use) => {
      await use(async ({ edit, server, ...request } = {}) => {
        const origin = await startOrigin(server);
        onTestFinished(() => origin.stop());
        const { protocol = "HTTP/1.1" } = request;
        const proxy = await startProxy(name, { upstream: origin.url, protocol, ...(edit ? { edit } : {}) });
        const reader = openReader(proxy.url, request);
        // The origin first: some proxies do not stop before their streams have ended.
        onTestFinished(async () => {
          reader.leave();
          await origin.stop();
          await proxy.stop();
        });
        return { stream: await origin.next(), reader, proxy, origin };
      });
    },
  });
}
