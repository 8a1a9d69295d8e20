/**
 * Streams that came and went leave nothing behind: no timer, no listener, no socket, no stream that is still referred to.
 */
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type EventStream, openStream } from "../../packages/tidings/src/server/index.ts";
import { sharedWheel } from "../../packages/tidings/src/server/time/timer-wheel.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const STREAMS = 2_000;
const AT_ONCE = 100;

test(`${STREAMS.toLocaleString("en")} streams that ended, were left, or were cut leave nothing behind`, async () => {
  const listeners = new Set<number>();
  const codes = new Map<string, number>();
  const remembered: WeakRef<EventStream>[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const stream = openStream(request, response, { heartbeatMs: 60_000 });
    remembered.push(new WeakRef(stream));
    stream.send({ data: "x".repeat(100) });
    void stream.ended.then(({ code }) => codes.set(code, (codes.get(code) ?? 0) + 1));
    listeners.add(request.socket.listenerCount("close") + request.socket.listenerCount("drain"));
    if (request.url === "/end") stream.end();
    if (request.url === "/cut") stream.cut("slow");
  });
  server.on("connection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

  const one = (path: string) =>
    new Promise<void>((resolve) => {
      const request = get({ port, path, agent, host: "127.0.0.1" }, (response: IncomingMessage) => {
        response.once("data", () => {
          if (path === "/leave") request.destroy();
        });
        response.resume();
        response.on("error", () => {});
        response.on("close", resolve);
      });
      request.on("error", () => resolve());
    });
  for (let done = 0; done < STREAMS; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => one(["/end", "/leave", "/end", "/cut"][i % 4]!)),
    );
  }

  await expect.poll(() => [...codes.values()].reduce((sum, n) => sum + n, 0)).toBe(STREAMS);
  expect(Object.fromEntries(codes)).toEqual({
    ended: STREAMS / 2,
    "peer-left": STREAMS / 4,
    slow: STREAMS / 4,
  });
  expect(sharedWheel().size).toBe(0);
  // However many streams a kept-alive connection has carried, each finds the listeners that the first found.
  expect(listeners.size).toBe(1);
  agent.destroy();
  await expect.poll(() => sockets.size).toBe(0);
  await new Promise((resolve) => server.close(resolve));
  expect(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length).toBeLessThanOrEqual(
    before,
  );
  await expect
    .poll(() => {
      collectGarbage();
      return remembered.filter((stream) => stream.deref() !== undefined).length;
    })
    .toBeLessThan(10);
});
