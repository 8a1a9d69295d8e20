/** What is followed while the tail of the log in Redis reads what it missed. */
import { afterEach, expect, it } from "vitest";
import { redisLog, type RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";
import { scriptOf } from "../../../packages/tidings/src/log/redis/script/script.ts";
import { Cleanups, draft, openForTest } from "../support/opened-log.ts";
import { CLIENTS, withSubscriberAt } from "./clients.ts";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A client that delays a command until the test releases it. */
function withHeld(client: RedisClient, isHeld: (command: string) => boolean) {
  let letGo: (() => void) | undefined;
  const free = new Promise<void>((resolve) => (letGo = resolve));
  let met: (() => void) | undefined;
  const isMet = new Promise<void>((resolve) => (met = resolve));
  const held = new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...args: unknown[]) => unknown;
      if (name !== "sendCommand") return call;
      return async (...args: unknown[]) => {
        if (isHeld(String(args[0]))) {
          met!();
          await free;
        }
        return call(...args);
      };
    },
  });
  return { held, isMet, letGo: () => letGo!() };
}

it("hands on what is followed since, from where it said on", async () => {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  const board = await cleanups.switchboard(server.port);
  const connected = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  let reads = 0;
  // Of two pages.
  const { held, isMet, letGo } = withHeld(connected.client, (command) => {
    return command.includes(scriptOf("read").sha) && (reads += 1) === 2;
  });
  const { log, parts, states, seen } = await openForTest(
    cleanups,
    redisLog(withSubscriberAt(held, board.port)),
  );
  await log.follow!(["a"]);
  // The first time, Redis does not know the script.
  await log.read({ topics: { exact: ["a"], matches: () => true }, after: 0, maxMessages: 1, maxBytes: 1 });
  reads = 0;
  board.hold(true);
  board.cut();
  await expect.poll(() => states).toEqual(["interrupted"]);
  await Promise.all(Array.from({ length: 1_500 }, (_, n) => log.append([draft(`${n}`)])));
  board.hold(false);
  await isMet;
  const from = await log.follow!(["b"]);
  const { first } = await log.append([draft("followed", "b")]);
  expect(first).toBe(from + 1);
  letGo();
  await expect.poll(() => parts.at(-1)?.through).toBe(first);
  expect(seen().length).toBe(1_501);
  expect(seen().at(-1)).toBe("followed");
});
