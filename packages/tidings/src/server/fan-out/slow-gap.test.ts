/** What a reader gets that stayed, and read so slowly that messages were discarded before it took them. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Reader, serveHub, type HubServer } from "../../../../../test/support/hub-server.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()!.close();
});

const PATIENT = { timeout: 60_000 };

const filler = "x".repeat(100_000);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Publishes until the reader, which does not read, is far behind what is retained. */
async function fallBehind(options: HubOptions, subscribe: Partial<SubscribeOptions>) {
  const server = await serveHub(
    { retention: { messages: 20 }, recent: { messages: 4 }, ...options },
    subscribe,
  );
  const slow = await Reader.open(`${server.url}?topic=a`);
  open.push(server, { close: () => slow.cut() });
  slow.pause();
  let n = 0;
  const publish = async (): Promise<void> => {
    await server.hub.publish("a", { data: `${(n += 1)} ${filler}`, key: `k${n % 3}` });
    await turn();
  };
  while (server.hub.stats().blockedStreams === 0 && n < 2_000) await publish();
  for (let more = 0; more < 100; more += 1) await publish();
  return { server, slow };
}

describe("a slow reader with a gap", () => {
  it("gets the state of its topics behind the gap, and then what follows", async () => {
    const asked: string[] = [];
    const snapshot: SubscribeOptions["snapshot"] = async (topic, cursor) => {
      asked.push(cursor);
      return { event: "state", data: { topic } };
    };
    const { server, slow } = await fallBehind({}, { snapshot });
    slow.resume();
    await slow.until(() => slow.messages.some(({ event }) => event === "gap"), "the gap");
    await slow.until(() => slow.messages.filter(({ event }) => event === "state").length === 2, "the state");
    await server.hub.publish("a", { data: "next" });
    await slow.until(() => slow.messages.at(-1)?.data === "next", "what follows");
    const tail = slow.messages.slice(slow.messages.findIndex(({ event }) => event === "gap"));
    expect(tail.map(({ event }) => event)).toEqual(["gap", "state", "message"]);
    const gap = JSON.parse(tail[0]!.data) as { to: string; reason: string };
    // Neither the gap nor the state has an id: whoever is cut off between them gets both again.
    expect([gap.reason, gap.to, tail[0]!.id]).toEqual(["slow", asked.at(-1), tail[1]!.id]);
    expect(server.errors).toEqual([]);
  });

  it("is cut off when its state cannot be loaded, and the application gets the error", async () => {
    let asked = 0;
    const snapshot: SubscribeOptions["snapshot"] = () => {
      asked += 1;
      if (asked > 1) throw new TypeError("no database");
      return undefined;
    };
    const { server, slow } = await fallBehind({}, { snapshot });
    slow.resume();
    expect(await slow.ended).toEqual({ complete: false });
    expect(server.errors).toMatchObject([{ message: "no database" }]);
    await expect.poll(() => server.hub.stats().ended).toEqual({ failed: 1 });
  });

  it('ends with onGap "fail", also where the slow policy is "latest"', async () => {
    const slowPolicy = { slow: [{ topics: ["a"], policy: "latest" as const }] };
    const { server, slow } = await fallBehind(slowPolicy, { onGap: "fail" });
    slow.resume();
    expect(await slow.ended).toEqual({ complete: true });
    expect(slow.messages.at(-1)).toMatchObject({ event: "gap" });
    await expect.poll(() => server.hub.stats().ended).toEqual({ gap: 1 });
  });
});

describe("what waits for readers that read nothing", () => {
  const MOST = 2 ** 20;

  /** Opens readers that read nothing. @param topicOf - What each reads. */
  async function openSilent(readers: number, topicOf: (reader: number) => string): Promise<HubServer> {
    const server = await serveHub({ limits: { blockedBytes: MOST } });
    open.push(server);
    const { port } = new URL(server.url);
    for (let reader = 0; reader < readers; reader += 1) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      socket.pause().write(`GET /?topic=${topicOf(reader)} HTTP/1.1\r\nHost: a\r\n\r\n`);
      open.push({ close: () => socket.destroy() });
    }
    await expect.poll(() => server.hub.stats().streams, PATIENT).toBe(readers);
    return server;
  }

  it("is bounded over all of them: those that have waited longest are cut", PATIENT, async () => {
    const readers = 40;
    const { hub, subscriptions, errors } = await openSilent(readers, (reader) => `t${reader}`);
    const data = "y".repeat(60_000);
    let most = 0;
    const stalled = (): number => hub.stats().ended["stalled"] ?? 0;
    while (stalled() < 10) {
      await hub.publish(Array.from({ length: readers }, (_, reader) => ({ topic: `t${reader}`, data })));
      for (let turns = 0; turns < 10; turns += 1) {
        await turn();
        most = Math.max(most, hub.stats().blockedBytes);
      }
    }
    expect(most).toBeGreaterThan(MOST / 2);
    expect(most).toBeLessThanOrEqual(MOST);
    await expect.poll(() => hub.stats().streams + stalled(), PATIENT).toBe(readers);
    expect(subscriptions.length).toBe(readers);
    expect(errors).toEqual([]);
  });

  it("counts once where it is the same for all: none of them is cut", PATIENT, async () => {
    const { hub } = await openSilent(40, () => "a");
    const data = "y".repeat(60_000);
    while (hub.stats().blockedStreams < 40) {
      await hub.publish("a", { data });
      for (let turns = 0; turns < 4; turns += 1) await turn();
    }
    expect(hub.stats().ended).toEqual({});
  });
});
