import { afterEach, describe, expect, it } from "vitest";
import { Reader, serveHub, type HubServer } from "../../../../../test/support/hub-server.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import { createHub } from "../hub/create-hub.ts";

const open: (HubServer | Reader)[] = [];
afterEach(async () => {
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one instanceof Reader) one.cut();
    else await one.close();
  }
});

const filler = "x".repeat(100_000);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Publishes to a reader that does not read until its stream is blocked, then `more` messages. @returns All ids. */
async function stall(
  options: HubOptions,
  more: number,
  message: (n: number) => { topic: string; key?: string },
): Promise<{ server: HubServer; slow: Reader; ids: string[] }> {
  const server = await serveHub(options);
  const slow = await Reader.open(`${server.url}?topic=a&topic=b&topic=rates`);
  open.push(server, slow);
  slow.pause();
  const ids: string[] = [];
  const publish = async (): Promise<void> => {
    const { topic, ...rest } = message(ids.length);
    ids.push((await server.hub.publish(topic, { data: `${ids.length} ${filler}`, ...rest })).id);
    await turn();
  };
  while (server.hub.stats().blockedStreams === 0) {
    await publish();
    expect(ids.length).toBeLessThan(2_000);
  }
  for (let i = 0; i < more; i += 1) await publish();
  return { server, slow, ids };
}

const numbers = (reader: Reader): number[] =>
  reader.messages.filter(({ event }) => event === "message").map(({ data }) => Number.parseInt(data, 10));

describe('slow policy "latest"', () => {
  it("gives a slow reader the newest of each key, in order, and says that messages are missing", async () => {
    const keys = ["x", "y", "z"];
    const { server, slow, ids } = await stall(
      { slow: [{ topics: ["rates"], policy: "latest" }] },
      50,
      (n) => ({
        topic: "rates",
        key: keys[n % 3]!,
      }),
    );
    slow.resume();
    const total = ids.length;
    await slow.until(() => numbers(slow).at(-1) === total - 1, "the newest");
    await server.hub.publish("rates", { data: `${total}` });
    await slow.until(() => numbers(slow).at(-1) === total, "what follows");
    const at = slow.messages.findIndex(({ event }) => event === "gap");
    const gap = JSON.parse(slow.messages[at]!.data) as { from: string; to: string; reason: string };
    expect(gap).toEqual({ from: slow.messages[at - 1]!.id, to: ids.at(-1), reason: "slow" });
    expect(numbers(slow).slice(0, at)).toEqual(Array.from({ length: at }, (_, i) => i));
    expect(numbers(slow).slice(at)).toEqual([total - 3, total - 2, total - 1, total]);
    expect(server.hub.stats().gaps.slow).toBe(1);
  });

  it("keeps every message of the topics that are not to be conflated", async () => {
    const { slow, ids } = await stall({ slow: [{ topics: ["rates"], policy: "latest" }] }, 40, (n) =>
      n % 2 === 0 ? { topic: "a" } : { topic: "rates" },
    );
    slow.resume();
    const total = ids.length;
    await slow.until(
      () => numbers(slow).includes(total - 1) && numbers(slow).includes(total - 2),
      "the newest",
    );
    const seen = numbers(slow);
    expect([...seen].sort((one, other) => one - other)).toEqual(seen);
    expect(seen.filter((n) => n % 2 === 0)).toEqual(
      Array.from({ length: total }, (_, i) => i).filter((n) => n % 2 === 0),
    );
    expect(seen.length).toBeLessThan(total);
    expect(slow.messages.filter(({ event }) => event === "gap").length).toBeGreaterThan(0);
  });

  it("says nothing when nothing was replaced", async () => {
    const { server, slow, ids } = await stall(
      { slow: [{ topics: ["rates"], policy: "latest" }] },
      10,
      (n) => ({
        topic: "rates",
        key: `${n}`,
      }),
    );
    slow.resume();
    await slow.messagesUntil(ids.length);
    expect(numbers(slow)).toEqual(Array.from({ length: ids.length }, (_, i) => i));
    expect(server.hub.stats().gaps.slow).toBe(0);
  });
});

describe('slow policy "close"', () => {
  it("ends the stream of a slow reader, which gets everything when it comes back", async () => {
    const { server, slow, ids } = await stall(
      { slow: [{ topics: [{ pattern: "*" }], policy: "close" }] },
      20,
      () => ({
        topic: "a",
      }),
    );
    slow.resume();
    expect(await slow.ended).toEqual({ complete: true });
    expect(server.hub.stats().ended).toEqual({ slow: 1 });
    await slow.connect(`${server.url}?topic=a&topic=b&topic=rates`);
    await slow.messagesUntil(ids.length);
    expect(numbers(slow)).toEqual(Array.from({ length: ids.length }, (_, i) => i));
  });

  it("refuses a policy that there is not", () => {
    expect(() => createHub({ slow: [{ topics: ["a"], policy: "drop" as "close" }] })).toThrow(
      /slow policy is "drop"/,
    );
  });
});
