/**
 * Users of Redis with limited rights: a log opens with those that the documents list, and with fewer it says which is missing, before
 * anything is appended.
 */
import { readFileSync } from "node:fs";
import { createClient } from "redis";
import { afterEach, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, retention } from "../support/opened-log.ts";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function clientWith(...rules: string[]) {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  expect(await server.command("ACL", "SETUSER", "app", "on", ">secret", ...rules)).toBe("+OK\r\n");
  const client = createClient({ url: `redis://app:secret@127.0.0.1:${server.port}` });
  client.on("error", () => undefined);
  await client.connect();
  cleanups.add(client, (one) => one.destroy());
  return { client, server };
}

it("opens, and does everything, with the rights that the documents list", async () => {
  const document = readFileSync(new URL("../../../docs/logs/redis.md", import.meta.url), "utf8");
  const rules = /^ACL SETUSER app on >secret (.*)$/m.exec(document)![1]!.split(" ");
  const { client, server } = await clientWith(...rules);
  const forTopic = (topic: string) => (topic === "latest" ? { messages: 1 } : undefined);
  const { log, seen } = await openForTest(cleanups, redisLog(client, { lostTopics: 2 }), {
    retention: { ...retention, messages: 5, forTopic },
  });
  await log.follow!(["a"]);
  for (let n = 0; n < 20; n += 1) {
    await log.append([draft(`${n}`), draft(`${n}`, "latest"), draft(`${n}`, `b/${n}`)], {
      idempotencyKey: `${n}`,
    });
  }
  await expect.poll(() => seen().length).toBe(20);
  const page = { after: 0, maxMessages: 9, maxBytes: 999 };
  for (const topics of [
    { exact: ["a"], matches: () => true },
    { prefixes: ["b/"], matches: () => true },
  ]) {
    expect((await log.read({ ...page, topics })).entries.length).toBeGreaterThan(0);
  }
  expect((await log.stats()).messages).toBe(5);
  expect(await server.command("EXISTS", "{tidings}:rights")).toBe(":0\r\n");
});

it("says which right is missing when it opens", async () => {
  const { client, server } = await clientWith("~{tidings}*", "&{tidings}*", "+@all");
  const commands = `append del get getrange mget persist pubsub set setrange spublish strlen xadd xdel xrange xrevrange xtrim zadd zcard
    zrange zremrangebyrank zrevrangebyscore zscore`;
  for (const command of commands.split(/\s+/)) {
    await server.command("ACL", "SETUSER", "app", "+@all", `-${command}`);
    const log = redisLog(client);
    await expect(log.open({ retention, onTail: () => undefined })).rejects.toMatchObject({
      name: "LogError",
      code: "failed",
      message: expect.stringMatching(new RegExp(`NOPERM ${command}: .*Expected a user`, "is")) as string,
    });
    await log.close();
  }
  await expect.poll(() => server.command("DBSIZE")).toBe(":0\r\n");
});
