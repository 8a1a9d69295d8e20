import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { Appender } from "./appender.ts";
import { ServerClock } from "../time/server-clock.ts";
import type { NatsConnection, NatsMessage } from "./connection.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const MEGABYTE = 2 ** 20;

/** A connection that is lost: nothing is sent, and nothing comes. */
function openAppender(deadlineMs: number) {
  const sent: string[] = [];
  let answer: ((error: null, message: NatsMessage) => void) | undefined;
  const connection: NatsConnection = {
    publish: (subject) => void sent.push(subject),
    subscribe: (_, { callback }) => {
      answer = callback;
      return { unsubscribe: () => undefined };
    },
    request: () => new Promise<never>(() => undefined),
    status: async function* () {},
    isClosed: () => false,
  };
  const appender = new Appender({
    connection,
    name: "log",
    instance: "i",
    inbox: "inbox",
    deadlineMs,
    pendingBytes: 64 * MEGABYTE,
    target: () => ({ subjects: "log.e", idempotencyAgeMs: 1e6 }),
    look: () => Promise.resolve(),
    clock: new ServerClock(),
    given: () => undefined,
    storedBy: () => Promise.resolve(undefined),
  });
  onTestFinished(() => appender.close());
  const append = (topic: string, bytes: number) =>
    appender.append([{ topic, body: new Uint8Array(bytes) }], undefined);
  const answered = (acknowledgement: object): void =>
    answer!(null, { subject: "inbox.1", data: Buffer.from(JSON.stringify(acknowledgement)) });
  return { appender, append, sent, answered };
}

test("what was given up while the connection is lost is not kept for its return", async () => {
  const { appender, append, sent } = openAppender(20);
  appender.connected(false);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 3; i += 1) {
    const given = await Promise.allSettled(Array.from({ length: 20 }, () => append("a", MEGABYTE)));
    expect(given.map(({ status }) => status)).toEqual(given.map(() => "rejected"));
  }
  await appender.settled();
  await expect
    .poll(() => {
      collect();
      return process.memoryUsage().arrayBuffers - before;
    })
    .toBeLessThan(10 * MEGABYTE);
  expect(sent).toEqual([]);
});

test("an append is what its own stream says, where another one that takes the same subjects is first", async () => {
  const { append, sent, answered } = openAppender(60_000);
  const appending = append("a", 1);
  await Promise.resolve();
  expect(sent).toEqual(["log.e.a"]);
  answered({ stream: "backup", seq: 70 });
  answered({ stream: "log", seq: 7 });
  expect(await appending).toEqual({ first: 7, last: 7, repeated: false });
});

test("what waits for the connection is sent in order when it is back", async () => {
  const { appender, append, sent } = openAppender(60_000);
  appender.connected(false);
  for (let i = 0; i < 2_500; i += 1) append(`${i}`, 1).catch(() => undefined);
  await Promise.resolve();
  expect(sent).toEqual([]);
  appender.connected(true);
  // The first is sent alone, to see whether it works again; it is all there is as long as nothing answers.
  await expect.poll(() => sent.length).toBe(1_000);
  expect(sent).toEqual(Array.from({ length: 1_000 }, (_, i) => `log.e.${i}`));
});
