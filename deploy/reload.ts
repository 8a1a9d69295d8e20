/**
 * A proxy that reads its configuration again, or that dies, while messages are on their way.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { proxyNames } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { connect } from "../packages/tidings/src/client/index.ts";
import { createHub } from "../packages/tidings/src/server/index.ts";
import { startOrigin } from "./origin.ts";
import { startProxy } from "./proxies.ts";
import { openReader } from "./reader.ts";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const MESSAGES = 200;

/** In a `describe.concurrent`. */
export function describeReload(): void {
  test.each(proxyNames)("a reload of %s costs an open stream nothing, and refuses nobody", async (name) => {
    const origin = await startOrigin();
    const proxy = await startProxy(name, { upstream: origin.url });
    const reader = openReader(`${proxy.url}/before`);
    const stream = await origin.next("/before");
    const sent: string[] = [];
    const others: ReturnType<typeof openReader>[] = [];
    for (let index = 0; index < MESSAGES; index++) {
      const id = String(index);
      stream.send(id, index % 20 === 0 ? 10_000 : 20);
      sent.push(id);
      if (index === 50 || index === 120) await proxy.reload();
      if (index % 10 === 0) others.push(openReader(`${proxy.url}/during`));
      await sleep(5);
    }
    await reader.arrival(sent.at(-1) ?? "");
    expect([...reader.arrivedAt.keys()]).toEqual(sent);
    expect((await Promise.all(others.map(({ response }) => response))).map(({ status }) => status)).toEqual(
      others.map(() => 200),
    );
    await origin.stop();
    await proxy.stop();
  });

  test.each(proxyNames)(
    "a subscriber of a hub misses nothing while %s is killed and started again",
    async (name) => {
      const hub = createHub();
      const server = createServer(
        (request, response) => void hub.subscribe(request, response, { topics: ["news"] }),
      );
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const proxy = await startProxy(name, {
        upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      });
      const got: string[] = [];
      const connection = connect(proxy.url, { retry: { baseMs: 100, capMs: 200 } });
      connection.on("message", ({ data }) => void got.push(data));
      while (hub.stats().streams === 0) await sleep(10);
      const sent: string[] = [];
      let restarted: Promise<void> | undefined;
      for (let index = 0; index < MESSAGES; index++) {
        const data = String(index);
        await hub.publish("news", { data });
        sent.push(data);
        if (index === 50) restarted = proxy.restart();
        await sleep(10);
      }
      await restarted;
      while (got.at(-1) !== sent.at(-1)) await sleep(20);
      expect(got).toEqual(sent);
      connection.close();
      server.closeAllConnections();
      server.close();
      await proxy.stop();
    },
  );
}
