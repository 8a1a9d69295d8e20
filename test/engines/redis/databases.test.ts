/**
 * Logs of the same name in two databases of one Redis. Channels have no database: each hears of what is published in the other.
 */
import { createClient } from "redis";
import { afterEach, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest } from "../support/opened-log.ts";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

it("hands on nothing of the other database, and does not ask Redis about each of its messages", async () => {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  const open = async (database: number) => {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}/${database}` });
    client.on("error", () => undefined);
    await client.connect();
    cleanups.add(client, (one) => one.destroy());
    return openForTest(cleanups, redisLog(client));
  };
  const [one, other] = [await open(0), await open(1)];
  for (const { log } of [one, other]) await log.follow!(["a"]);
  await server.command("CONFIG", "RESETSTAT");
  for (let n = 1; n <= 1_000; n += 1) await one.log.append([draft(`${n}`)]);
  await expect.poll(() => one.seen().length).toBe(1_000);
  await other.log.append([draft("its own")]);
  await expect.poll(() => other.seen()).toEqual(["its own"]);
  expect([one.errors, other.errors, other.resets]).toEqual([[], [], []]);
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await server.command("INFO", "commandstats"))?.[1];
  expect(Number(calls)).toBeLessThan(1_100);
});
