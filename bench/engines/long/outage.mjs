/** 10,000 streams whose process cannot reach Redis for 30 s, while others publish 1,000 messages a second. */
import { startRedis } from "../engines.mjs";
import { openStreams, startPublisher } from "./streams.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const STREAMS = 10_000;
const TOPICS = 1_000;
const AWAY_MS = 30_000;

export async function measureOutage(print) {
  const server = await startRedis();
  const board = await openSwitchboard(server.port);
  const { state, least, close } = await openStreams({
    port: board.port,
    topics: TOPICS,
    perTopic: STREAMS / TOPICS,
  });
  const publisher = await startPublisher({ port: server.port, topics: TOPICS, perSecond: 1_000 });
  publisher.start();
  while (least() < 1) await new Promise((resolve) => setTimeout(resolve, 20));
  board.lead(1);
  board.cut();
  await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
  const missed = state.messages;
  const perTopic = await publisher.finish();
  board.lead(server.port);
  const returnedMs = performance.now();
  while (least() < perTopic - 1) await new Promise((resolve) => setTimeout(resolve, 10));
  print("10,000 streams whose Redis was gone for 30 s, at 1,000 messages a second", {
    "messages that were missed": state.messages - missed,
    "missing in the end": state.missing,
    "all caught up after, s": (performance.now() - returnedMs) / 1_000,
  });
  await close();
  board.close();
  await server.stop();
}
