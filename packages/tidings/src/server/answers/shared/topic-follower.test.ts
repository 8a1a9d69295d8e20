import { describe, expect, it } from "vitest";
import { until } from "../../../../../../test/support/hub-server.ts";
import type { Log, Page } from "../../../log/log.ts";
import { memoryLog } from "../../../log/memory/memory-log.ts";
import { createAnswers } from "../create-answers.ts";
import { tidings } from "../../../dialects/index.ts";
import { AnswerTopic } from "./answer-topic.ts";
import { TopicFollower } from "./topic-follower.ts";

const NAME = "answer/a";

/** A log that is followed by topic, and that answers each call when it is told to. */
async function gatedLog() {
  const inner = memoryLog();
  let follower: TopicFollower | undefined;
  await inner.open({
    retention: { messages: 1e6, bytes: 2 ** 30, ageMs: 1e9 },
    onTail: ({ entries }) => {
      if (isFollowed) for (const entry of entries) follower?.take(entry);
    },
  });
  let isFollowed = false;
  const calls: string[] = [];
  const reads: { readonly page: Page; readonly reply: () => void }[] = [];
  let confirm: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  const log: Log = {
    ...inner,
    // As a server would: the page is of the moment at which it was read.
    read: async (request) => {
      calls.push("read");
      const page = await inner.read({ ...request, maxMessages: Math.min(request.maxMessages, 500) });
      const { head } = await inner.head();
      await new Promise<void>((reply) => void reads.push({ page, reply }));
      return { ...page, head };
    },
    follow: () => {
      calls.push("follow");
      return new Promise((resolve, reject) => {
        confirm = {
          resolve: () => {
            isFollowed = true;
            void inner.head().then(({ head }) => resolve(head));
          },
          reject,
        };
      });
    },
    unfollow: () => void calls.push("unfollow"),
  };
  const topic = new AnswerTopic("a", NAME, tidings(), {
    onStart: () => undefined,
    onEnd: () => undefined,
    onDropped: () => undefined,
  });
  const append = (kind: string, ...texts: string[]): Promise<unknown> =>
    inner.append(
      texts.map((text) => ({
        topic: NAME,
        body: new TextEncoder().encode(`data: ${text}\n\n`),
        key: `${kind}:run`,
      })),
    );
  const failures: [unknown, boolean][] = [];
  await append("start", "");
  return {
    topic,
    calls,
    failures,
    append,
    follow: () => {
      follower = new TopicFollower({ log, topic, onFailed: (...failure) => failures.push(failure) });
      return follower;
    },
    confirm: () => confirm!.resolve(),
    refuse: (error: Error) => confirm!.reject(error),
    /** Waits for the next read, and replies to it. */
    reply: async () => {
      await until(() => reads.length > 0, "a read");
      reads.shift()!.reply();
    },
    /** What readers of the answer get. */
    text: () => new TextDecoder().decode(topic.answer?.buffer.read(0, 2 ** 20).bytes),
  };
}

const framed = (...texts: string[]): string => texts.map((text) => `data: ${text}\n\n`).join("");

describe("the topic of an answer", () => {
  it("is known after one reply of the log, before it is followed", async () => {
    const { follow, append, reply, text, calls } = await gatedLog();
    await append("data", "1", "2");
    const follower = follow();
    await reply();
    await follower.known;
    expect(text()).toBe(framed("1", "2"));
    expect(calls).toEqual(["follow", "read"]);
    expect(follower.isCatchingUp).toBe(true);
  });

  it("has what was appended between the read and the beginning of the tail, once and in order", async () => {
    const { follow, append, reply, confirm, text, calls } = await gatedLog();
    await append("data", "1");
    const follower = follow();
    await until(() => calls.includes("read"), "the read");
    // Neither in the page nor in the tail.
    await append("data", "2");
    confirm();
    // In the tail, and in the page that is read next.
    await new Promise((resolve) => void setImmediate(resolve));
    await append("data", "3");
    await reply();
    await follower.known;
    expect(text()).toBe(framed("1"));
    await until(() => calls.length === 3, "the second read");
    // In the tail alone.
    await append("data", "4");
    await reply();
    await until(() => !follower.isCatchingUp, "the end of catching up");
    expect(text()).toBe(framed("1", "2", "3", "4"));
    await append("data", "5");
    expect(text()).toBe(framed("1", "2", "3", "4", "5"));
    expect(calls).toEqual(["follow", "read", "read"]);
  });

  it("is read once where nothing was appended meanwhile", async () => {
    const { follow, append, reply, confirm, calls } = await gatedLog();
    await append("data", "1");
    const follower = follow();
    confirm();
    await reply();
    await until(() => !follower.isCatchingUp, "the end of catching up");
    expect(calls).toEqual(["follow", "read"]);
  });

  it("is known when all pages are read: the last may end it", async () => {
    const { follow, append, reply, topic, calls } = await gatedLog();
    await append("data", ...Array.from({ length: 1_200 }, (_, i) => `${i}`));
    await append("end", "end");
    const follower = follow();
    let isKnown = false;
    void follower.known.then(() => void (isKnown = true));
    await reply();
    await reply();
    await until(() => calls.length === 4, "the third read");
    expect(isKnown).toBe(false);
    await reply();
    await follower.known;
    expect(topic.answer?.verdict).toBeDefined();
    expect(topic.answer?.buffer.length).toBe(1_201);
  });

  it("is read again where more comes meanwhile than is held", async () => {
    const { follow, append, reply, confirm, topic, calls } = await gatedLog();
    const follower = follow();
    confirm();
    await until(() => calls.includes("read"), "the read");
    await new Promise((resolve) => void setImmediate(resolve));
    await append("data", ...Array.from({ length: 1_100 }, (_, i) => `${i}`));
    for (let n = 0; n < 4; n += 1) await reply();
    await until(() => !follower.isCatchingUp, "the end of catching up");
    expect(topic.answer?.buffer.length).toBe(1_100);
  });

  it("is given up when it cannot be followed, and nobody is told twice", async () => {
    const { follow, reply, refuse, failures, calls } = await gatedLog();
    const follower = follow();
    await reply();
    await follower.known;
    const error = new Error("no");
    refuse(error);
    await until(() => failures.length > 0, "the failure");
    expect(failures).toEqual([[error, false]]);
    follower.stop();
    await new Promise((resolve) => void setImmediate(resolve));
    // It never was.
    expect(calls).toEqual(["follow", "read"]);
  });

  it("is unfollowed as often as it is followed, also when it is given up before that is confirmed", async () => {
    const { follow, append, reply, confirm, topic, calls } = await gatedLog();
    const follower = follow();
    follower.stop();
    await reply();
    await follower.known;
    expect(calls).toEqual(["follow", "read"]);
    confirm();
    await until(() => calls.includes("unfollow"), "the end of following");
    await append("data", "1");
    expect(topic.answer).toBeUndefined();
    expect(calls).toEqual(["follow", "read", "unfollow"]);
  });
});

it("an answer that is started again in place of itself is produced", async () => {
  const log = memoryLog();
  const answers = createAnswers({ log, answers: 1, joinMs: 0, onError: () => undefined });
  const request = (): Request => new Request("http://localhost/");
  const failing = (): never => {
    throw new Error("no");
  };
  expect(await (await answers.resumable(request(), "a", failing)).text()).toContain("failed");
  const again = await answers.resumable(request(), "a", () => [{ data: "1" }], { restart: true });
  expect(await again.text()).toContain("data: 1\n");
  await answers.close();
});
