/**
 * A hub in a process of its own, real clients that read from it over HTTP, and another hub on the same log that publishes all the
 * time; and what has to hold of them whatever happens to the log meanwhile.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "tidings/client";
import { expect } from "vitest";
import type { Log } from "../../../packages/tidings/src/log/log.ts";
import { createHub } from "../../../packages/tidings/src/server/index.ts";
import type { Cleanups } from "./opened-log.ts";
import type { Switchboard } from "./switchboard.ts";

const SUBSCRIBERS = 50;
const TOPICS = 5;
/** Between messages. Nobody waits for the one before. */
const EVERY_MS = 5;

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

interface Subscriber {
  readonly topic: string;
  readonly messages: { readonly id: string; readonly data: string }[];
  readonly gaps: Gap[];
}

interface Refusal {
  readonly code: string;
  readonly tookMs: number;
}

export interface Traffic {
  /** Resolves when so many more are acknowledged. */
  readonly acknowledged: (more: number) => Promise<void>;
  readonly refused: readonly Refusal[];
  /** The way of the clients to their hub. */
  readonly toHub: Switchboard;
}

export interface Outcome {
  readonly acknowledged: number;
  readonly refused: readonly Refusal[];
  /** Of each subscriber, the reasons of its gaps. */
  readonly gaps: readonly (readonly string[])[];
}

export interface Served {
  readonly cleanups: Cleanups;
  /** The log of the hub that publishes. */
  readonly log: Log;
  /** Until when each publish has to be settled, in milliseconds: the deadline of the log, and some time of a busy machine. */
  readonly deadlineMs: number;
  /** Of the hub that is read from: the module that makes its log, and its argument. */
  readonly member: URL;
  readonly argument: string;
  /** What comes with each message. */
  readonly padding?: () => string;
}

/**
 * Publishes while `fault` happens, and some time after it. Each message that was acknowledged has to come to each of its subscribers once,
 * in order, or lie in a gap that the subscriber was told of; and everything has to be settled in time.
 */
export async function publishThrough(
  served: Served,
  fault: (traffic: Traffic) => Promise<void>,
): Promise<Outcome> {
  const { cleanups, log, deadlineMs, padding } = served;
  const hub = createHub({ log, onError: () => undefined });
  cleanups.add(hub, () => hub.drain({ overMs: 0, graceMs: 1 }));
  const toHub = await cleanups.switchboard(await startHub(served));
  const subscribers = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, (_, n) => subscribe(cleanups, toHub.port, `topic-${n % TOPICS}`)),
  );

  const acknowledged: { topic: string; id: string; data: string }[] = [];
  const refused: Refusal[] = [];
  const late: number[] = [];
  const pending = new Set<Promise<void>>();
  let n = 0;
  const publish = async (topic: string, data: string): Promise<void> => {
    const startedMs = performance.now();
    try {
      const { id } = await hub.publish(topic, { data });
      acknowledged.push({ topic, id, data });
    } catch (error) {
      refused.push({
        code: String((error as { code?: unknown }).code),
        tookMs: performance.now() - startedMs,
      });
    }
    const tookMs = performance.now() - startedMs;
    if (tookMs > deadlineMs) late.push(tookMs);
  };
  const publishing = setInterval(() => {
    n += 1;
    const settled = publish(`topic-${n % TOPICS}`, `${n} ${padding?.() ?? ""}`);
    pending.add(settled);
    void settled.then(() => pending.delete(settled));
  }, EVERY_MS);
  cleanups.add(publishing, clearInterval);
  const moreAcknowledged = async (more: number): Promise<void> => {
    const enough = acknowledged.length + more;
    await expect.poll(() => acknowledged.length, { timeout: 40_000 }).toBeGreaterThanOrEqual(enough);
  };
  await moreAcknowledged(100);
  await fault({ acknowledged: moreAcknowledged, refused, toHub });
  await moreAcknowledged(200);
  clearInterval(publishing);
  await Promise.all(pending);
  expect(late, "settled too late").toEqual([]);

  // A subscriber that is still away may skip some with a gap. So more come until everybody has one.
  const hasEnd = ({ messages }: Subscriber): boolean => messages.at(-1)?.data === "end";
  for (const giveUp = Date.now() + 40_000; !subscribers.every(hasEnd) && Date.now() < giveUp;) {
    await Promise.all(Array.from({ length: TOPICS }, (_, topic) => publish(`topic-${topic}`, "end")));
    await new Promise((resolve) => void setTimeout(resolve, 200));
  }
  expect(subscribers.filter((one) => !hasEnd(one)).length, "streams that did not go on").toBe(0);
  for (const subscriber of subscribers) {
    const own = acknowledged.filter(({ topic, data }) => topic === subscriber.topic && data !== "end");
    expectOrder(subscriber);
    expect(missedBy(subscriber, own), "missed, and not told").toEqual([]);
  }
  return {
    acknowledged: acknowledged.length,
    refused,
    gaps: subscribers.map(({ gaps }) => gaps.map(({ reason }) => reason)),
  };
}

async function startHub({ cleanups, member, argument }: Served): Promise<number> {
  const program = fileURLToPath(new URL("hub.mjs", import.meta.url));
  const module = fileURLToPath(member);
  const child: ChildProcess = fork(program, [module, argument, "{}"], { execArgv: [] });
  cleanups.add(child, async () => {
    const over = once(child, "exit");
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await over;
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return port;
}

async function subscribe(cleanups: Cleanups, port: number, topic: string): Promise<Subscriber> {
  const subscriber: Subscriber = { topic, messages: [], gaps: [] };
  const connection = connect(`http://127.0.0.1:${port}/?topic=${topic}`, {
    onGap: (gap) => void subscriber.gaps.push(gap),
    onError: () => undefined,
  });
  cleanups.add(connection, (one) => one.close());
  connection.on("message", ({ id, data }) => void subscriber.messages.push({ id, data }));
  // With a cursor it has its place: from here on, nothing may be missing.
  await expect.poll(() => connection.lastEventId, { timeout: 20_000 }).not.toBe("");
  return subscriber;
}

function placeOf(cursor: string): { readonly epoch: string; readonly offset: number } {
  const dot = cursor.lastIndexOf(".");
  return { epoch: cursor.slice(0, dot), offset: Number(cursor.slice(dot + 1)) };
}

/** Each epoch once, and in each the offsets only grow: so nothing comes twice. */
export function expectOrder({ messages }: Pick<Subscriber, "messages">): void {
  const seen = new Map<string, number>();
  let current = "";
  for (const { id } of messages) {
    const { epoch, offset } = placeOf(id);
    if (epoch !== current) expect(seen.has(epoch), `back in epoch ${epoch}`).toBe(false);
    current = epoch;
    expect(offset).toBeGreaterThan(seen.get(epoch) ?? 0);
    seen.set(epoch, offset);
  }
}

/** @returns What was acknowledged and neither came nor lies in a gap. */
export function missedBy(
  { messages, gaps }: Pick<Subscriber, "messages" | "gaps">,
  acknowledged: readonly { readonly id: string; readonly data: string }[],
): unknown[] {
  const got = new Map(messages.map(({ id, data }) => [id, data]));
  return acknowledged.filter(
    ({ id, data }) => got.get(id) !== data && !gaps.some((gap) => covers(gap, placeOf(id))),
  );
}

function covers(gap: Gap, { epoch, offset }: { epoch: string; offset: number }): boolean {
  const [from, to] = [placeOf(gap.from), placeOf(gap.to)];
  if (from.epoch === to.epoch) return epoch === from.epoch && offset > from.offset && offset <= to.offset;
  return (epoch === from.epoch && offset > from.offset) || (epoch === to.epoch && offset <= to.offset);
}
