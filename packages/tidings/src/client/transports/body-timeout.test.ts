/** Node's fetch ends a body after 300 s of silence, by a limit of its own: what a connection makes of that, with a shorter limit. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { connect } from "../index.ts";

it("names the limit of Node's fetch that ended the body, and reconnects", async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.writeHead(200, { "content-type": "text/event-stream" }).write("id: 1\ndata: first\n\n");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  // Node offers no other way to its own Agent: it is there once fetch has been used.
  await fetch("data:,").catch(() => undefined);
  const global = (globalThis as unknown as Record<symbol, object>)[Symbol.for("undici.globalDispatcher.1")]!;
  const Agent = global.constructor as new (options: { bodyTimeout: number }) => { destroy(): Promise<void> };
  const dispatcher = new Agent({ bodyTimeout: 200 });
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => (fail = resolve));
  const connection = connect(`http://127.0.0.1:${port}/`, {
    fetch: (input, init) => fetch(input, { ...init, dispatcher } as RequestInit),
    retry: { baseMs: 100 },
    onMessage: () => undefined,
    onError: (error) => fail(error),
  });
  try {
    const error = await failed;
    expect(error).toMatchObject({ code: "network", willRetry: true });
    expect(error.message).toMatch(/Body Timeout/);
    await expect.poll(() => requests, { timeout: 30_000 }).toBeGreaterThan(1);
  } finally {
    connection.close();
    await dispatcher.destroy();
    server.closeAllConnections();
    server.close();
  }
});
