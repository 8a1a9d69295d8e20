/**
 * What a reader costs that reads nothing, at any size of message: its stream, and nothing of what it does not read. `npm run bench memory`
 * sets it beside what a reader costs that reads everything.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { createHub } from "tidings/server";
import { expect, it, onTestFinished } from "vitest";

const [SOME, ALL] = [60, 300];
const PATIENT = { timeout: 60_000 };

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Connections that read nothing, in a heap of their own: what they cost at the other end does not count. */
function silent(port: number): Worker {
  const program = `
    const { connect } = require("node:net");
    // A socket that reads nothing keeps no thread alive.
    setInterval(() => undefined, 60_000);
    require("node:worker_threads").parentPort.on("message", (count) => {
      for (let n = 0; n < count; n += 1) {
        const socket = connect(${port}, "127.0.0.1").on("error", () => undefined);
        socket.pause().write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
      }
    });`;
  return new Worker(program, { eval: true });
}

// Logs that are larger than what the kernel takes for a reader that reads nothing.
it.each([
  [1_000, 10_000],
  [65_536, 300],
  [1_000_000, 30],
])(
  "each more of 300 readers that read nothing, of messages of %i bytes, costs at most 8 kB with its stream, and no buffer beyond the pages that all share",
  { timeout: 120_000 },
  async (bytes, messages) => {
    const hub = createHub();
    for (let n = 0; n < messages; n += 1) await hub.publish("a", { data: "x".repeat(bytes) });
    const server = createServer(
      (request, response) => void hub.subscribe(request, response, { topics: ["a"], from: "earliest" }),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    const clients = silent((server.address() as AddressInfo).port);
    onTestFinished(async () => {
      await clients.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    });
    const blocked = async (readers: number) => {
      clients.postMessage(readers - hub.stats().streams);
      await expect.poll(() => hub.stats().streams, PATIENT).toBe(readers);
      await expect.poll(() => hub.stats().blockedStreams, PATIENT).toBe(readers);
      // Pages that were read last are kept for 10 seconds, and count for nobody.
      await new Promise((resolve) => void setTimeout(resolve, 11_000));
      // Native parts are let go of in one collection, and freed in the next.
      gc();
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return { heapUsed, buffers: external - hub.stats().blockedBytes };
    };
    // The first have the code compiled. What more readers add is theirs, but for pages that nobody else holds, which the hub counts.
    const some = await blocked(SOME);
    const all = await blocked(ALL);
    const buffers = (all.buffers - some.buffers) / (ALL - SOME);
    expect(buffers).toBeLessThan(64);
    expect(buffers + (all.heapUsed - some.heapUsed) / (ALL - SOME)).toBeLessThan(8_000);
  },
);
