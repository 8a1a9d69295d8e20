import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";

import { connect } from "../../packages/tidings/src/client/connect.ts";
import { EventSource } from "../../packages/tidings/src/client/event-source.ts";

const BASE_MS = 100;

test.each([
  ["retry: 99999999999", "retry: 99999999999\n\n"],
  ["retry: 0", "retry: 0\n\n"],
  ["nothing at all", ""],
  ["a message", "data: x\n\n"],
])(
  "a server that ends each response at once, with %s, sees one connection per base delay at most",
  async (_name, text) => {
    const times: number[] = [];
    const server = createServer((_request, response) => {
      times.push(performance.now());
      response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

    const connection = connect(url, { onMessage() {}, retry: { baseMs: BASE_MS, capMs: BASE_MS } });
    await wait(1500);
    connection.close();
    // A timer may fire a millisecond early by another clock, and the first request takes longest to arrive.
    expect(times.length).toBeLessThanOrEqual(1 + 1500 / (BASE_MS - 2));
    expect(times.length).toBeGreaterThanOrEqual(1);

    times.length = 0;
    const source = new EventSource(url);
    await wait(1500);
    source.close();
    expect(times.length).toBeLessThanOrEqual(2);
    server.closeAllConnections();
    server.close();
  },
);
