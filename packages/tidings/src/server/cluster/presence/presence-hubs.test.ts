/** Presence of hubs on one log, while subscribers open and close tabs, change topics and are revoked, and a process falls silent. */
import { expect, it } from "vitest";
import { openForTests, until } from "../../../../../../test/support/hub-server.ts";
import { sharedLog } from "../../../../../../test/support/shared-log.ts";
import { createRandom } from "../../../testing/random.ts";
import type { HubOptions } from "../../hub/hub-options.ts";
import type { HubStream } from "../../streams/hub-stream.ts";

const { serve, read } = openForTests();
const OPTIONS: HubOptions = { presence: { coalesceMs: 5 }, cluster: { leaseMs: 1_000 } };
const TOPICS = ["a", "b", "c"];
const SEEDS = Number(process.env["SEEDS"] ?? 2);

it.each(Array.from({ length: SEEDS }, (_, n) => n + 1))(
  "alternates for who watches, and is right at the end (seed %s)",
  async (seed) => {
    const random = createRandom(seed);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    const shared = sharedLog();
    const start = async () => {
      const log = shared.open();
      const server = await serve({ ...OPTIONS, log }, (url) => ({
        subscriber: url.searchParams.get("who")!,
      }));
      return { ...server, log, tabs: [] as { who: string; reader: Awaited<ReturnType<typeof read>> }[] };
    };
    const watcher = await serve({ ...OPTIONS, log: shared.open() });
    const hubs = [await start(), await start(), await start()];
    await until(() => watcher.hub.processes().length === 4);
    const there = new Map(TOPICS.map((topic) => [topic, new Set<string>()]));
    const wrong: string[] = [];
    void (async () => {
      for await (const { topic, data } of watcher.hub.read({
        topics: TOPICS.map((presence) => ({ presence })),
      })) {
        const { joined, left } = JSON.parse(data) as Record<"joined" | "left", string[]>;
        for (const name of left) if (!there.get(topic)!.delete(name)) wrong.push(`${name} left ${topic}`);
        for (const name of joined) {
          if (there.get(topic)!.has(name)) wrong.push(`${name} joined ${topic}`);
          there.get(topic)!.add(name);
        }
      }
    })();
    for (let step = 0; step < 80; step += 1) {
      const hub = pick(hubs);
      const who = pick(["ann", "bob", "cem"]);
      const topics = TOPICS.filter(() => random() < 0.6);
      const live = hub.subscriptions.filter(({ closed }) => !closed);
      await pick<() => unknown>([
        async () => {
          if (topics.length > 0)
            hub.tabs.push({
              who,
              reader: await read(`${hub.url}?who=${who}${topics.map((t) => `&topic=${t}`).join("")}`),
            });
        },
        () => hub.tabs.splice(Math.floor(random() * hub.tabs.length), 1)[0]?.reader.cut(),
        () =>
          live.length > 0 &&
          pick(live)
            .update({ add: [pick(TOPICS)], remove: topics.slice(0, 1) })
            .catch(() => undefined),
        () =>
          live.length > 0 &&
          void pick(live)
            .update({ add: ["c"], remove: ["a", "b"] })
            .catch(() => undefined),
        () => void hub.hub.revoke(who).catch(() => undefined),
        async () => {
          if (random() > 0.15) return;
          hub.log.cut();
          // It is gone for the others, and may come back.
          await new Promise((resolve) => void setTimeout(resolve, random() * 2_000));
          hub.log.heal();
        },
      ])();
      if (random() < 0.3) await new Promise((resolve) => void setTimeout(resolve, random() * 40));
    }
    const expected = (): Record<string, string[]> =>
      Object.fromEntries(
        TOPICS.map((topic) => [
          topic,
          [
            ...new Set(
              hubs
                .flatMap(({ subscriptions }) => subscriptions as unknown as HubStream[])
                .filter(({ closed, group }) => !closed && group.selection.names.includes(topic))
                .map(({ subscriber }) => subscriber!),
            ),
          ].sort(),
        ]),
      );
    const told = (): Record<string, string[]> =>
      Object.fromEntries(TOPICS.map((topic) => [topic, [...there.get(topic)!].sort()]));
    // Streams may still be on their way out.
    const difference = () => ({ told: told(), there: expected() });
    await expect
      .poll(() => JSON.stringify(told()) === JSON.stringify(expected()) || difference(), { timeout: 15_000 })
      .toBe(true);
    for (const { hub } of [watcher, ...hubs]) {
      const present = () => TOPICS.map((topic) => [topic, [...hub.presence(topic).members].sort()] as const);
      // What is published of a record may come to one process before the record comes to another.
      await expect.poll(() => Object.fromEntries(present())).toEqual(expected());
    }
    expect(wrong).toEqual([]);
  },
  60_000,
);
