/** 5,000 messages a second into 20 streams each, for a minute: memory and lag, at the beginning and at the end. */
import { percentile, startRedis } from "../engines.mjs";
import { openStreams, startPublisher } from "./streams.mjs";

const SECONDS = 60;

export async function measureSteady(print) {
  const server = await startRedis();
  const { state, least, close } = await openStreams({ port: server.port, topics: 50, perTopic: 20 });
  const publisher = await startPublisher({ port: server.port, topics: 50, perSecond: 5_000 });
  publisher.start();
  const parts = [];
  for (let part = 0; part < 6; part += 1) {
    const before = state.messages;
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1_000) / 6));
    const lags = state.lags.splice(0);
    parts.push({
      deliveries: ((state.messages - before) * 6) / SECONDS,
      p50: percentile(lags, 0.5),
      p99: percentile(lags, 0.99),
      mib: process.memoryUsage().rss / 2 ** 20,
      redisMib: Number((await server.info("memory")).used_memory) / 2 ** 20,
    });
  }
  const perTopic = await publisher.finish();
  while (least() < perTopic - 1) await new Promise((resolve) => setTimeout(resolve, 20));
  const figures = {};
  for (const i of [1, 3, 5]) {
    const { deliveries, p50, p99, mib } = parts[i];
    const when = `s ${i * 10} to ${i * 10 + 10}`;
    figures[`${when}: deliveries a second`] = Math.round(deliveries);
    figures[`${when}: lag p50 ms`] = p50;
    figures[`${when}: lag p99 ms`] = p99;
    figures[`${when}: MiB of the process`] = mib;
  }
  print("5,000 messages a second into 20 streams each, a minute", {
    ...figures,
    deliveries: state.messages,
    missing: state.missing,
  });
  await close();
  await server.stop();
}
