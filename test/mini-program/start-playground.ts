/**
 * The demo server that `npm start` runs, in the test's process and in a hurry.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { createPlayground } from "../../apps/playground/src/server/app.ts";

export async function startPlayground(): Promise<{
  url: string;
  connections(): Promise<number>;
  close(): Promise<void>;
}> {
  const { app, streams } = createPlayground({ tickMs: 10, tokenMs: 2 });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    async close() {
      streams.endAll();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** What it answers to 你好. */
export const ANSWER =
  "你好 👋 你问的是「你好」。这段回答一个词一个词地到达，每个词都是一条消息 ✨ Tokens may be cut anywhere on the way, even inside a character 🙂 — they still arrive whole. 完 🎉";
