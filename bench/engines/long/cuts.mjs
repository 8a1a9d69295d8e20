/**
 * 100,000 appends while connections are cut, with each client of Redis and Postgres: what is lost, doubled, or never settles.
 */
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { CLIENTS, Pool, postgres, RETENTION, startRedis } from "../engines.mjs";
import { startPostgres } from "../postgres-server.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const APPENDS = 100_000;
const WRITERS = 200;
const CUT_EVERY_MS = 300;

export async function measureCutsOfRedis(print) {
  for (const [name, connect] of Object.entries(CLIENTS)) {
    const server = await startRedis();
    const board = await openSwitchboard(server.port);
    const client = await connect(board.port);
    client.on("error", () => undefined);
    print(`appends while connections are cut, ${name}`, await run(redisLog(client), board));
    await (client.destroy?.() ?? client.disconnect());
    board.close();
    await server.stop();
  }
}

const POSTGRES = {
  pg: (options) => new Pool(options),
  postgres: ({ user, ...options }) =>
    postgres({ ...options, username: user, fetch_types: false, onnotice: () => undefined }),
};

export async function measureCutsOfPostgres(print) {
  for (const [name, connect] of Object.entries(POSTGRES)) {
    const server = await startPostgres();
    const board = await openSwitchboard(server.options.port);
    const client = connect({ ...server.options, port: board.port });
    print(`appends while connections are cut, ${name}`, await run(postgresLog(client), board));
    // That of postgres would wait for connections that were cut.
    await (name === "pg" ? client.end() : client.end({ timeout: 1 }));
    board.close();
    await server.stop();
  }
}

async function run(log, board) {
  await log.open({
    retention: { ...RETENTION, messages: APPENDS * 2, bytes: 2 ** 30 },
    onTail() {},
    onError() {},
  });
  /** By offset. */
  const acknowledged = new Map();
  let [started, settled, rejected, cuts] = [0, 0, 0, 0];
  const cutting = setInterval(() => {
    cuts += 1;
    board.cut();
  }, CUT_EVERY_MS);
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (started < APPENDS) {
        const text = `${(started += 1)}`;
        try {
          const { first } = await log.append([{ topic: `t/${started % 50}`, body: Buffer.from(text) }]);
          acknowledged.set(first, text);
        } catch {
          rejected += 1;
        }
        settled += 1;
      }
    }),
  );
  clearInterval(cutting);
  const stored = new Map();
  const texts = new Set();
  let doubled = 0;
  const { head } = await log.head();
  for (let after = 0; after < head;) {
    const page = await log.read({
      topics: { matches: () => true },
      after,
      maxMessages: 500,
      maxBytes: 2 ** 20,
    });
    for (const { offset, body } of page.entries) {
      const text = Buffer.from(body).toString();
      if (texts.has(text)) doubled += 1;
      texts.add(text);
      stored.set(offset, text);
    }
    after = page.through;
  }
  const lost = [...acknowledged].filter(([offset, text]) => stored.get(offset) !== text).length;
  await log.close();
  return { acknowledged: acknowledged.size, cuts, rejected, lost, doubled, unsettled: started - settled };
}
