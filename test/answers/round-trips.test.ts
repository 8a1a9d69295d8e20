/** What a reader of an answer waits for, over a real Redis: how often it is asked before the first message goes out. */
import { createClient } from "redis";
import { redisLog, type RedisClient } from "tidings/log/redis";
import { createAnswers } from "tidings/server";
import { afterEach, expect, it } from "vitest";
import { startRedis } from "../engines/redis/server.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

const TOPIC = "answer/a";

interface Gate {
  /** Holds all replies but the first that is about the topic. */
  close(): void;
  open(): void;
  /** What was sent about the topic since it was closed. */
  readonly sent: string[];
}

/** A client whose replies can be held, those of the connection that subscribes as well. */
async function gatedClient(url: string): Promise<{ client: RedisClient; gate: Gate }> {
  let held: (() => void)[] | undefined;
  const gate: Gate = {
    sent: [],
    close: () => {
      held = [];
      gate.sent.length = 0;
    },
    open: () => {
      for (const pass of held!) pass();
      held = undefined;
    },
  };
  const through = async <T>(command: readonly unknown[], reply: Promise<T>): Promise<T> => {
    const isOurs = command.some((word) => String(word).includes(TOPIC));
    if (isOurs) gate.sent.push(String(command[0]));
    const isFirst =
      isOurs && command[0] !== "SSUBSCRIBE" && gate.sent.filter((name) => name !== "SSUBSCRIBE").length === 1;
    const value = await reply;
    if (held !== undefined && !isFirst) await new Promise<void>((pass) => void held!.push(pass));
    return value;
  };
  const real = createClient({ url });
  real.on("error", () => undefined);
  await real.connect();
  closers.push(() => real.destroy());
  const client = {
    isOpen: true,
    sendCommand: (command: readonly string[], options: object) =>
      through(command, real.sendCommand(command, options)),
    duplicate: () => {
      const copy = real.duplicate();
      const subscribe = copy.sSubscribe.bind(copy);
      return Object.assign(copy, {
        sSubscribe: (channels: string[], ...rest: [never, never]) =>
          through(["SSUBSCRIBE", ...channels], subscribe(channels, ...rest)),
      });
    },
  };
  return { client: client as unknown as RedisClient, gate };
}

it("the first message of a resume in another process waits for one reply of Redis", async () => {
  const server = await startRedis();
  closers.push(() => server.stop());
  const url = `redis://127.0.0.1:${server.port}`;
  const [first, second] = [await gatedClient(url), await gatedClient(url)];
  const one = createAnswers({ log: redisLog(first.client), onError: () => undefined });
  const two = createAnswers({ log: redisLog(second.client), onError: () => undefined });
  closers.push(() => Promise.all([one.close(), two.close()]));
  let go: (() => void) | undefined;
  await one.start("a", async function* () {
    for (let n = 0; n < 100; n += 1) yield { data: `${n}` };
    await new Promise<void>((resolve) => (go = resolve));
    yield { data: "last" };
  });
  await expect.poll(async () => (await one.state("a"))?.messages).toBe(100);
  // So that Redis knows the script.
  await two.state("b");

  const { gate } = second;
  gate.close();
  const response = await two.resume(new Request("http://localhost/"), "a");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("data: 99\n")) text += (await reader.read()).value!;
  expect(gate.sent.sort()).toEqual(["EVALSHA", "SSUBSCRIBE"]);

  gate.open();
  go!();
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
  expect([...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data)).toEqual([
    ...Array.from({ length: 100 }, (_, n) => `${n}`),
    "last",
    '{"complete":true}',
  ]);
});
