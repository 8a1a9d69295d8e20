/** Redis: appends against a bare XADD, delivery to another process, interest, and memory. */
import { redisLog } from "tidings/log/redis";
import { CLIENTS, cpuOf, draftOf, paced, RETENTION, stamped, startMember, startRedis } from "./engines.mjs";

const MESSAGES = 40_000;
const AT_ONCE = 1_000;
/** Its client gives up after 5 s; ours asks again. */
const ignore = () => undefined;

export async function measureRedis(print) {
  await measureAppends(print);
  await measurePaced(print);
  await measureSpread(print);
  await measureDelivery(print);
  await measureInterest(print);
  await measureMemory(print);
}

async function measureAppends(print) {
  for (const [name, connect] of Object.entries(CLIENTS)) {
    const server = await startRedis();
    const client = await connect(server.port);
    const body = Buffer.from(draftOf("a").body);
    const bare =
      client.xadd !== undefined
        ? () => client.xadd("bare", "MAXLEN", "~", "10000", "*", "t", "a", "b", body)
        : () => client.sendCommand(["XADD", "bare", "MAXLEN", "~", "10000", "*", "t", "a", "b", body]);
    const log = redisLog(client);
    await log.open({ retention: RETENTION, onTail() {} });
    const ours = () => log.append([draftOf(`topic/${Math.floor(Math.random() * 100)}`)]);
    const rates = { bare: [], ours: [] };
    const cpus = { bare: [], ours: [] };
    // Turn about, as the machine is not the same from one second to the next.
    for (let round = 0; round < 5; round += 1) {
      for (const [key, step] of Object.entries({ bare, ours })) {
        const [before, startedMs] = [await cpuOf(server), performance.now()];
        for (let n = 0; n < MESSAGES / 2; n += AT_ONCE)
          await Promise.all(Array.from({ length: AT_ONCE }, step));
        const seconds = (performance.now() - startedMs) / 1_000;
        if (round === 0) continue;
        rates[key].push(MESSAGES / 2 / seconds);
        cpus[key].push(((await cpuOf(server)) - before) / (MESSAGES / 2));
      }
    }
    const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1];
    print(`appends, ${name}, 1,000 under way`, {
      "XADD a second": Math.round(median(rates.bare)),
      "append a second": Math.round(median(rates.ours)),
      ratio: median(rates.ours) / median(rates.bare),
      "Redis µs a message, XADD": median(cpus.bare) * 1e6,
      "Redis µs a message, append": median(cpus.ours) * 1e6,
    });
    await log.close();
    await (client.destroy?.() ?? client.disconnect());
    await server.stop();
  }
}

/** At a pace at which nothing piles up, each message is a command of its own. */
async function measurePaced(print) {
  const server = await startRedis();
  const client = await CLIENTS["node-redis"](server.port);
  const log = redisLog(client, { name: "paced" });
  await log.open({ retention: RETENTION, onTail() {} });
  const body = Buffer.from(draftOf("a").body);
  const cpuWhile = async (step) => {
    await paced(4_000, 1, step);
    const before = await cpuOf(server);
    await paced(4_000, 5, step);
    return ((await cpuOf(server)) - before) / 20_000;
  };
  const bare = await cpuWhile(
    () =>
      void client
        .sendCommand(["XADD", "bare", "MAXLEN", "~", "10000", "*", "t", "a", "b", body])
        .catch(ignore),
  );
  const ours = await cpuWhile((n) => void log.append([draftOf(`topic/${n % 100}`)]));
  print("appends at 4,000 a second, node-redis", {
    "Redis µs a message, XADD": bare * 1e6,
    "Redis µs a message, append": ours * 1e6,
    ratio: ours / bare,
  });
  await log.close();
  client.destroy();
  await server.stop();
}

/** What bench/scaling takes for given: many processes publish, and few messages find others to go with. */
async function measureSpread(print) {
  for (const [processes, perSecond] of [
    [1, 100],
    [5, 5_000],
    [10, 5_000],
    [20, 5_000],
    [50, 5_000],
  ]) {
    const server = await startRedis();
    const open = async () => {
      const client = await CLIENTS["node-redis"](server.port);
      const log = redisLog(client, { name: "spread" });
      await log.open({ retention: RETENTION, onTail() {} });
      return { log, client };
    };
    const logs = await Promise.all(Array.from({ length: processes }, open));
    const append = (n) => {
      const { log } = logs[Math.floor(Math.random() * processes)];
      void log.append([draftOf(`topic/${n % 100}`)]);
    };
    await paced(perSecond, 1, append);
    const idle = await cpuOf(server);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = await cpuOf(server);
    await paced(perSecond, 4, append);
    const used = (await cpuOf(server)) - before - (before - idle) * 4;
    print(`appends at ${perSecond} a second from ${processes} processes, node-redis`, {
      "Redis µs a message": (used / (perSecond * 4)) * 1e6,
    });
    for (const { log, client } of logs) {
      await log.close();
      client.destroy();
    }
    await server.stop();
  }
}

async function measureDelivery(print) {
  const server = await startRedis();
  const client = await CLIENTS["node-redis"](server.port);
  const log = redisLog(client, { name: "delivery" });
  await log.open({ retention: RETENTION, onTail() {} });
  for (const perSecond of [1_000, 5_000]) {
    const bare = await startMember({ kind: "xread", port: server.port });
    await paced(
      perSecond,
      6,
      () => void client.sendCommand(["XADD", "bare", "MAXLEN", "~", "10000", "*", "body", stamped("a").body]),
    );
    const one = await bare.ask("reset");
    await bare.stop();
    const member = await startMember({
      kind: "redis",
      port: server.port,
      logs: [{ name: "delivery", topics: ["a"] }],
    });
    await paced(perSecond, 6, () => void log.append([stamped("a")]));
    const other = await member.ask("reset");
    await member.stop();
    print(`delivery to another process at ${perSecond} a second`, {
      "XADD, XREAD p50 ms": one.p50,
      "p99 ms": one.p99,
      "redisLog p50 ms": other.p50,
      "redisLog p99 ms": other.p99,
      "p99 ratio": other.p99 / one.p99,
    });
  }
  await log.close();
  client.destroy();
  await server.stop();
}

async function measureInterest(print) {
  const TOPICS = Array.from({ length: 480 }, (_, n) => `topic/${n}`);
  const run = async (logs, perSecond, seconds, topics) => {
    const server = await startRedis();
    const client = await CLIENTS["node-redis"](server.port);
    const log = redisLog(client, { name: "interest" });
    await log.open({ retention: RETENTION, onTail() {} });
    const member = await startMember({ kind: "redis", port: server.port, logs });
    await member.ask("reset");
    const before = await cpuOf(server);
    await paced(perSecond / 20, seconds, (n) => {
      for (let i = 0; i < 20; i += 1) void log.append([stamped(topics[(n * 20 + i) % topics.length])]);
    });
    await log.head();
    const cpu = ((await cpuOf(server)) - before) / (perSecond * seconds);
    const report = await member.ask("reset");
    await member.stop();
    await log.close();
    client.destroy();
    await server.stop();
    return { cpu, ...report };
  };
  const one = await run([{ name: "interest", topics: TOPICS }], 4_000, 6, TOPICS);
  const parts = Array.from({ length: 48 }, (_, n) => TOPICS.slice(n * 10, n * 10 + 10));
  const many = await run(
    parts.map((topics) => ({ name: "interest", topics })),
    4_000,
    6,
    TOPICS,
  );
  print("48 followers of a 48th each, 4,000 a second", {
    "Redis µs a message, one follower of all": one.cpu * 1e6,
    "48 followers": many.cpu * 1e6,
    ratio: many.cpu / one.cpu,
  });
  const all = await run([{ name: "interest", topics: TOPICS }], 20_000, 4, TOPICS);
  const eighth = await run([{ name: "interest", topics: TOPICS.slice(0, 60) }], 20_000, 4, TOPICS);
  print("a process at 20,000 a second", {
    "share of a core, follows all": all.cpuShare,
    "follows an eighth": eighth.cpuShare,
    ratio: eighth.cpuShare / all.cpuShare,
  });
}

async function measureMemory(print) {
  const server = await startRedis();
  const client = await CLIENTS["node-redis"](server.port);
  const log = redisLog(client, { name: "memory" });
  await log.open({ retention: { ...RETENTION, messages: 1_000_000, bytes: 2 ** 30 }, onTail() {} });
  await log.append([draftOf("first")]);
  const before = Number((await server.info("memory")).used_memory);
  const topics = 40_000;
  for (let n = 0; n < topics; n += 500) {
    await log.append(Array.from({ length: 500 }, (_, i) => draftOf(`user/${n + i}/inbox`)));
  }
  const bytes = (Number((await server.info("memory")).used_memory) - before) / topics;
  print("a quiet topic with one message of 200 bytes", { bytes });
  await log.close();
  client.destroy();
  await server.stop();
}
