/** nginx without a line for event streams: it speaks HTTP/1.0 to the server, and buffers. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { nginx } from "../../deploy/nginx/program.ts";
import { startProgram } from "../../deploy/program.ts";
import { openStream } from "../../packages/tidings/src/server/index.ts";
import { Peer } from "./peer.ts";

test("what a generator says before it fails arrives, though the response is cut right behind it", async () => {
  const versions: string[] = [];
  const errors: unknown[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    versions.push(request.httpVersion);
    openStream(
      request,
      response,
      async function* () {
        yield { data: "before" };
        yield { event: "error", data: "out of tokens" };
        throw new Error("out of tokens");
      },
      { onError: (error) => errors.push(error) },
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port: origin } = server.address() as AddressInfo;
  const proxy = await startProgram(
    nginx,
    ({ port }) =>
      `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${origin}; } }`,
  );
  onTestFinished(() => proxy.stop());
  const peer = new Peer(proxy.url);
  onTestFinished(() => peer.close());
  const reply = await peer.request("/");
  await reply.over;
  expect(versions).toEqual(["1.0"]);
  expect(reply.messages.map(({ event, data }) => `${event} ${data}`)).toEqual([
    "message before",
    "error out of tokens",
  ]);
  expect(errors).toHaveLength(1);
});
