/**
 * 100,000 appends while connections are cut, with each client of Redis, Postgres and NATS: what is lost, doubled, or never settles.
 */
import { natsLog } from "tidings/log/nats";
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { CLIENTS, connectToNats, Pool, postgres, RETENTION, startRedis } from "../engines.mjs";
import { startNats } from "../nats.mjs";
import { startPostgres } from "../postgres-server.mjs";
import { openSwitchboard } from "./switchboard.mjs";

const APPENDS = 100_000;
const WRITERS = 200;
/** Between one cut and the next. */
const CUT_EVERY = 2_000;
/** Much longer than a deadline: what is not settled then never is. */
const UNSETTLED_MS = 30_000;

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

export async function measureCutsOfNats(print) {
  const server = await startNats();
  const board = await openSwitchboard(server.port);
  const connection = await connectToNats(board.port);
  print("appends while connections are cut, @nats-io/transport-node", await run(natsLog(connection), board));
  await connection.close();
  board.close();
  await server.stop();
}

/** @returns What it resolves with; undefined where it does not settle. */
async function settledInTime(promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, UNSETTLED_MS)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
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
  let [started, unsettled, rejected, cuts] = [0, 0, 0, 0];
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (started < APPENDS) {
        const text = `${(started += 1)}`;
        if (started % CUT_EVERY === 0) {
          cuts += 1;
          board.cut();
        }
        try {
          const append = log.append([{ topic: `t/${started % 50}`, body: Buffer.from(text) }]);
          const appended = await settledInTime(append);
          if (appended === undefined) unsettled += 1;
          else acknowledged.set(appended.first, text);
        } catch {
          rejected += 1;
        }
      }
    }),
  );
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
  if ((await settledInTime(log.close().then(() => true))) === undefined) unsettled += 1;
  return { acknowledged: acknowledged.size, cuts, rejected, lost, doubled, unsettled };
}
