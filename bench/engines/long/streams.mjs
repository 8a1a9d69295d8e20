/** Streams of one process over Redis, read where they are made; what another process publishes is stamped with its time. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { CLIENTS, now } from "../engines.mjs";

const TIME = /^data: (\d+\.?\d*) (\d+)$/gm;

/** @returns `lags` is emptied by who reads it; `least` is the newest number that all streams of its topic have. */
export async function openStreams({ port, topics, perTopic }) {
  const client = await CLIENTS["node-redis"](port);
  client.on("error", () => undefined);
  const hub = createHub({
    log: redisLog(client),
    retention: { messages: 200_000, bytes: 2 ** 30 },
    limits: { streams: 100_000, streamsPerSubscriber: Infinity },
    onError() {},
  });
  const state = { lags: [], newest: [], messages: 0, missing: 0 };
  const decoder = new TextDecoder();
  for (let n = 0; n < topics * perTopic; n += 1) {
    state.newest.push(-1);
    const response = await hub.respond(new Request("http://127.0.0.1/"), { topics: [`t/${n % topics}`] });
    void (async () => {
      let rest = "";
      for await (const bytes of response.body) {
        rest += decoder.decode(bytes, { stream: true });
        const end = rest.lastIndexOf("\n\n") + 1;
        for (const [, at, number] of rest.slice(0, end).matchAll(TIME)) {
          state.messages += 1;
          if (state.messages % 20 === 0) state.lags.push(now() - Number(at));
          if (Number(number) !== state.newest[n] + 1) state.missing += 1;
          state.newest[n] = Number(number);
        }
        rest = rest.slice(end);
      }
    })().catch(() => undefined);
  }
  return {
    state,
    least: () => Math.min(...state.newest),
    close: async () => {
      await hub.drain({ overMs: 0, graceMs: 100 });
      client.destroy();
    },
  };
}

/** Publishes round the topics, in a process of its own. `finish` resolves to how many messages each topic got. */
export async function startPublisher({ port, topics, perSecond }) {
  const child = fork(fileURLToPath(new URL("publisher.mjs", import.meta.url)), [
    JSON.stringify({ port, topics, perSecond }),
  ]);
  await once(child, "message");
  return {
    start: () => child.send("start"),
    finish: async () => {
      const finished = once(child, "message");
      child.send("finish");
      const [{ perTopic }] = await finished;
      await once(child, "exit");
      return perTopic;
    },
  };
}
