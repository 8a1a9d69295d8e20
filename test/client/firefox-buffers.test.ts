/**
 * Why the case "a reader that waits holds the server back" does not apply in Firefox (suite/exceptions.ts): without any code of ours,
 * Firefox takes a whole response from its server while the page reads none of it. When this fails, the exception can go.
 */
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { startFirefox } from "../browsers/firefox.ts";
import { until } from "../browsers/index.ts";

const CHUNK = Buffer.alloc(2 ** 16, "x");
/** More than the sockets and Firefox's window for one response (`network.http.send_window_size`, 1 MiB) can hold. */
const CHUNKS = 1500;

test("Firefox takes all of a response of which the page reads one chunk", { timeout: 120_000 }, async () => {
  let written = 0;
  let socket: Socket | undefined;
  const server = createServer((request, response) => {
    if (request.url !== "/stream")
      return void response.setHeader("content-type", "text/html").end("<!doctype html>");
    socket = request.socket;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const write = (): void => {
      while (written < CHUNKS) {
        written++;
        if (!response.write(CHUNK)) return void response.once("drain", write);
      }
    };
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await startFirefox();
  try {
    await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const read = await browser.evaluate(async () => {
      const reader = (await fetch("/stream")).body!.getReader();
      // Kept, so that it is not collected, which would cancel the response.
      Object.assign(globalThis, { reader });
      return (await reader.read()).value!.length;
    });
    expect(read).toBeLessThan((CHUNKS * CHUNK.length) / 10);
    await until(
      "all of the response with Firefox",
      () => written === CHUNKS && socket!.writableLength === 0,
      60_000,
    );
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
});
