/** Twenty failovers to a replica that lags: no offset is acknowledged for two messages, and every reader is told of the loss. */
import { redisLog } from "tidings/log/redis";
import { CLIENTS, RETENTION, startRedis } from "../engines.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const FAILOVERS = 20;
const READERS = 10;

export async function measureFailovers(print) {
  let primary = await startRedis();
  const board = await openSwitchboard(primary.port);
  const opened = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const client = await CLIENTS["node-redis"](board.port);
      client.on("error", () => undefined);
      const log = redisLog(client);
      await log.open({ retention: { ...RETENTION, messages: 100_000 }, onTail() {}, onError() {} });
      return { client, log };
    }),
  );
  const acknowledged = new Map();
  let [twice, lost, untold, number] = [0, 0, 0, 0];
  const append = async ({ log }, count) => {
    const offsets = [];
    for (let n = 0; n < count; n += 1) {
      const text = `${(number += 1)}`;
      const { first } = await log.append([{ topic: "a", body: Buffer.from(text) }]);
      if (acknowledged.has(first)) twice += 1;
      acknowledged.set(first, text);
      offsets.push(first);
    }
    return offsets;
  };
  for (let round = 0; round < FAILOVERS; round += 1) {
    const toReplica = await openSwitchboard(primary.port);
    const replica = await startRedis("--replicaof", "127.0.0.1", `${toReplica.port}`);
    await append(opened[round % 2], 50);
    const { head } = await opened[0].log.head();
    await until(
      async () =>
        (await replica.client.strLen("{tidings}:t:a")) / 12 >= 50 && (await headOf(replica)) >= head,
    );
    // From here the replica hears nothing.
    toReplica.close();
    const gone = await append(opened[round % 2], 20);
    lost += gone.length;
    await primary.stop();
    await replica.client.sendCommand(["REPLICAOF", "NO", "ONE"]);
    board.lead(replica.port);
    board.cut();
    // The process that does not know what was acknowledged appends first.
    const [next] = await append(opened[(round + 1) % 2], 5);
    for (let reader = 0; reader < READERS; reader += 1) {
      // Readers stand at each of what was lost, and before.
      const after = gone[reader % gone.length] - (reader % 2);
      const topics = { exact: ["a"], matches: () => true };
      const { lostThrough } = await opened[reader % 2].log.read({
        topics,
        after,
        maxMessages: 9,
        maxBytes: 999,
      });
      if (lostThrough < next - 1) untold += 1;
    }
    primary = replica;
  }
  print("failovers to a replica that lags", {
    failovers: FAILOVERS,
    acknowledged: acknowledged.size,
    "of these lost by Redis": lost,
    "offsets acknowledged twice": twice,
    "readers that were not told": untold,
  });
  for (const { client, log } of opened) {
    await log.close();
    client.destroy();
  }
  board.close();
  await primary.stop();
}

async function headOf({ client }) {
  const state = await client.withTypeMapping({ 36: Buffer }).get("{tidings}:log");
  return state === null ? 0 : state.readDoubleBE(0);
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
