/**
 * Twenty failovers to a replica that lags, and twenty between two servers, there and back: no offset is acknowledged for two
 * messages, and every reader is told of the loss.
 */
import { redisLog } from "tidings/log/redis";
import { CLIENTS, RETENTION, startRedis } from "../engines.mjs";
import { Ledger, openWithTail, until } from "./ledger.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const FAILOVERS = 20;

export async function measureFailovers(print) {
  await measureFailoversToNew(print);
  await measureFailoversThereAndBack(print);
}

async function measureFailoversToNew(print) {
  let primary = await startRedis();
  const board = await openSwitchboard(primary.port);
  const opened = await Promise.all([openLog(board), openLog(board)]);
  const ledger = new Ledger();
  for (let round = 0; round < FAILOVERS; round += 1) {
    const toReplica = await openSwitchboard(primary.port);
    const replica = await startRedis("--replicaof", "127.0.0.1", `${toReplica.port}`);
    await ledger.append(opened[round % 2], 50);
    const { head } = await opened[0].log.head();
    await until(
      async () =>
        (await replica.client.strLen("{tidings}:t:a")) / 12 >= 50 && (await headOf(replica)) >= head,
    );
    // From here the replica hears nothing.
    toReplica.close();
    const gone = await ledger.appendLost(opened[round % 2], 20);
    await primary.stop();
    await replica.client.sendCommand(["REPLICAOF", "NO", "ONE"]);
    board.lead(replica.port);
    board.cut();
    // The process that does not know what was acknowledged appends first.
    const [next] = await ledger.append(opened[(round + 1) % 2], 5);
    await ledger.readAfter(gone, opened, ({ lostThrough }) => lostThrough >= next - 1);
    primary = replica;
  }
  print("failovers to a replica that lags", ledger.figures(FAILOVERS, "Redis"));
  for (const one of opened) await close(one);
  board.close();
  await primary.stop();
}

/**
 * A process with a connection to each server, which stays open: each is idle while the other server leads. Now and then a server
 * leads again without having heard anything of the other.
 */
async function measureFailoversThereAndBack(print) {
  const servers = [await startRedis(), await startRedis()];
  const opened = await Promise.all(servers.map(openLog));
  const ledger = new Ledger();
  for (let round = 0; round < FAILOVERS; round += 1) {
    const [leads, follows] = round % 2 === 0 ? servers : [servers[1], servers[0]];
    const [atLeads, atFollows] = round % 2 === 0 ? opened : [opened[1], opened[0]];
    const meets = round % 5 !== 4;
    if (meets) {
      await follows.client.sendCommand(["REPLICAOF", "127.0.0.1", `${leads.port}`]);
      await ledger.append(atLeads, 50);
      const head = await headOf(leads);
      await until(async () => (await headOf(follows)) === head);
    }
    // From here it hears nothing.
    await follows.client.sendCommand(["REPLICAOF", "127.0.0.1", "1"]);
    const gone = await ledger.appendLost(atLeads, 20);
    const { jumps } = atFollows.tail;
    await follows.client.sendCommand(["REPLICAOF", "NO", "ONE"]);
    const [next] = await ledger.append(atFollows, 5);
    const { head } = await atFollows.log.head();
    // A cursor that the log has not come to is a gap.
    await ledger.readAfter(gone, [atFollows], (page, after) => after > head || page.lostThrough > after);
    await ledger.hear([atFollows.tail], [jumps], next);
  }
  print("failovers there and back", ledger.figures(FAILOVERS, "Redis"));
  for (const one of opened) await close(one);
  for (const server of servers) await server.stop();
}

async function openLog({ port }) {
  const client = await CLIENTS["node-redis"](port);
  client.on("error", () => undefined);
  const log = redisLog(client);
  return { client, log, tail: await openWithTail(log, { ...RETENTION, messages: 100_000 }) };
}

async function close({ client, log }) {
  await log.close();
  client.destroy();
}

async function headOf({ client }) {
  const state = await client.withTypeMapping({ 36: Buffer }).get("{tidings}:log");
  return state === null ? 0 : state.readDoubleBE(0);
}
