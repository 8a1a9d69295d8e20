/**
 * A world for the hub in which everything happens by a seed: when its work runs, what its log takes its time over, what its
 * peers take, and when they break. `simulate` returns what went wrong, judged by a model that knows all that was accepted.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { memoryLog } from "../../packages/tidings/src/log/memory/memory-log.ts";
import { OpenHub } from "../../packages/tidings/src/server/hub/open-hub.ts";
import type { DiagnosticsMessages } from "../../packages/tidings/src/server/observe/diagnostics.ts";
import type { SubscribeOptions } from "../../packages/tidings/src/server/subscribe/subscribe-options.ts";
import { TimerWheel } from "../../packages/tidings/src/server/time/timer-wheel.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";
import { followingLog, unhurriedLog } from "./simulated-logs.ts";
import { Peer, type Wants } from "./simulated-peer.ts";

/** `updates`: the topics of open streams change. */
export type Weather =
  | "calm"
  | "slow readers"
  | "cuts"
  | "small retention"
  | "everything"
  | "another process"
  | "updates";

export interface SimulationResult {
  readonly problems: string[];
  readonly deliveries: number;
  readonly gaps: number;
}

const TOPICS = ["a", "b", "c/1", "c/2"];
const SELECTIONS: { topics: SubscribeOptions["topics"]; wants: (topic: string) => boolean }[] = [
  { topics: ["a"], wants: (topic) => topic === "a" },
  { topics: ["a", "b"], wants: (topic) => topic === "a" || topic === "b" },
  { topics: [{ pattern: "c/:n" }], wants: (topic) => topic.startsWith("c/") },
  { topics: [{ pattern: "*" }, "a", { pattern: "c/*" }], wants: () => true },
];
const filteredBy =
  (filtered: boolean, wants: (topic: string) => boolean): Wants =>
  (topic, n) =>
    wants(topic) && (!filtered || n % 2 === 0);
const even = ({ data }: { data: string }): boolean => Number(data) % 2 === 0;

export async function simulate(seed: number, weather: Weather): Promise<SimulationResult> {
  const random = createRandom(seed * 7919 + weather.length);
  const chance = (share: number): boolean => random() < share;
  const updating = weather === "updates";
  const stormy = weather === "everything" || (updating && seed % 3 === 1);
  const shared = weather === "another process" || (updating && seed % 3 === 2);
  const slow = stormy || shared || weather === "slow readers" || weather === "small retention";
  const cutting = stormy || shared || weather === "cuts" || weather === "small retention";
  const problems: string[] = [];

  const work: (() => void)[] = [];
  let clock = 0;
  const published: { topic: string; n: number }[] = [];
  const hub = new OpenHub(
    {
      log: shared ? followingLog(random) : stormy ? unhurriedLog(random) : memoryLog(),
      retention: weather === "small retention" || stormy ? { messages: 30 } : {},
      recent: { messages: slow ? 8 : 1_000 },
      writeBytes: slow ? 200 : 65_536,
      heartbeatMs: false,
      stallMs: false,
      onError: (error) => problems.push(String(error)),
    },
    // Each look at the clock takes half a slice, so that walks are cut into batches.
    { schedule: (run) => void work.push(run), now: () => (clock += 0.25), wheel: () => new TimerWheel() },
  );

  const peers = Array.from({ length: 12 }, (_, i) => {
    const { topics, wants } = SELECTIONS[i % SELECTIONS.length]!;
    const filtered = i % 5 === 4;
    return new Peer(`peer ${i}`, filteredBy(filtered, wants), {
      topics,
      onGap: i % 2 === 0 ? "live" : "earliest",
      ...(filtered ? { filter: even } : {}),
    });
  });
  // Published where it happens, so that the cursor is the border.
  const onUpdate = (message: unknown): void => {
    const { subscription } = message as DiagnosticsMessages["tidings:stream:update"];
    for (const peer of peers) peer.updated(subscription);
  };
  subscribe("tidings:stream:update", onUpdate);
  const publishing: Promise<unknown>[] = [];
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 6; i += 1) await Promise.resolve();
    for (const run of work.splice(0)) run();
    // Broad reads of the log have a turn each.
    await new Promise(setImmediate);
  };

  const publishSome = (): void => {
    const count = chance(0.1) ? 20 : 1 + Math.floor(random() * 3);
    const messages = Array.from({ length: count }, () => {
      published.push({ topic: TOPICS[Math.floor(random() * TOPICS.length)]!, n: published.length + 1 });
      return { topic: published.at(-1)!.topic, data: published.length };
    });
    publishing.push(hub.publish(messages));
  };
  const befall = (peer: Peer): Promise<void> | undefined => {
    if (!peer.connected) return chance(0.7) ? peer.connect(hub) : undefined;
    if (updating && chance(0.3)) {
      const { topics, wants } = SELECTIONS[Math.floor(random() * SELECTIONS.length)]!;
      publishing.push(peer.update({ topics, wants: filteredBy(peer.filtered, wants) }));
    } else if (cutting && chance(0.15)) {
      peer.cut(chance(0.5));
    } else if (slow && chance(0.4)) {
      peer.taking = !peer.taking;
      if (peer.taking) peer.take();
    }
    return undefined;
  };

  for (let step = 0; step < 400; step += 1) {
    if (chance(0.5)) publishSome();
    const connecting = befall(peers[Math.floor(random() * peers.length)]!);
    if (connecting !== undefined) await connecting;
    await turn();
  }
  // The weather clears: everybody returns and reads.
  for (const peer of peers) {
    peer.taking = true;
    peer.take();
    if (!peer.connected) await peer.connect(hub);
  }
  for (let quiet = 0; quiet < 30;) {
    quiet = work.length === 0 ? quiet + 1 : 0;
    await turn();
  }
  await Promise.all(publishing);
  unsubscribe("tidings:stream:update", onUpdate);
  let gaps = 0;
  for (const peer of peers) {
    problems.push(...peer.judge(published));
    gaps += peer.gaps.length;
  }
  const { deliveries } = hub.stats();
  for (const peer of peers) peer.cut(false);
  const { streams, subscriberGroups, routes } = hub.stats();
  if (streams + subscriberGroups + routes > 0)
    problems.push(`left behind: ${streams} streams, ${subscriberGroups} groups, ${routes} routes`);
  return { problems, deliveries, gaps };
}
