/** Bounds of topics in NATS, where what is beyond them is hidden: over many pages, and by pattern. */
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Log, Page, TopicRetention } from "../../../packages/tidings/src/log/log.ts";
import { natsLog } from "../../../packages/tidings/src/log/nats/index.ts";
import { createHub } from "../../../packages/tidings/src/server/index.ts";
import { connectTo, startNats, type NatsServer } from "./server.ts";

let server: NatsServer;
let connection: NatsConnection;
let logs = 0;
beforeAll(async () => {
  server = await startNats();
  connection = await connectTo(server.port);
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

const BOUNDS: Record<string, Partial<TopicRetention>> = {
  "price/latest": { messages: 1 },
  "price/some": { bytes: 95 },
};

/** 1,500 messages over three topics, of which two have bounds. */
async function openFilled(): Promise<Log> {
  const log = natsLog(connection, { name: `topics-${(logs += 1)}` });
  await log.open({
    retention: { messages: 100_000, bytes: 2 ** 30, ageMs: 3_600_000, forTopic: (topic) => BOUNDS[topic] },
    onTail: () => undefined,
  });
  const topics = ["price/latest", "price/some", "price/all"];
  await Promise.all(
    Array.from({ length: 1_500 }, (_, n) =>
      log.append([{ topic: topics[n % 3]!, body: new TextEncoder().encode(`${n}`.padStart(10)) }]),
    ),
  );
  return log;
}

/** All pages of a reader that has seen nothing. */
async function pagesOf(log: Log, exact?: readonly string[]): Promise<Page[]> {
  const matches = (topic: string): boolean => exact?.includes(topic) ?? topic.startsWith("price/");
  const topics = exact === undefined ? { prefixes: ["price/"], matches } : { exact, matches };
  const pages: Page[] = [];
  for (let after = 0; after < 1_500;) {
    const page = await log.read({ topics, after, maxMessages: 200, maxBytes: 2 ** 20 });
    expect(page.through).toBeGreaterThan(after);
    pages.push(page);
    after = page.through;
  }
  return pages;
}

const offsetsOf = (pages: readonly Page[], topic: string): number[] =>
  pages.flatMap(({ entries }) =>
    entries.filter((entry) => entry.topic === topic).map(({ offset }) => offset),
  );

describe("natsLog() with topics that have bounds of their own", () => {
  it("reads what is within them, and tells by name of everything that is lost with the first page", async () => {
    const log = await openFilled();
    const pages = await pagesOf(log, ["price/latest", "price/some", "price/all"]);
    expect(offsetsOf(pages, "price/latest")).toEqual([1_498]);
    // Nine of ten bytes each.
    expect(offsetsOf(pages, "price/some")).toEqual([
      1_475, 1_478, 1_481, 1_484, 1_487, 1_490, 1_493, 1_496, 1_499,
    ]);
    expect(offsetsOf(pages, "price/all").length).toBe(500);
    expect(pages.length).toBeGreaterThan(2);
    expect(pages[0]!.lostThrough).toBe(1_495);
    expect((await pagesOf(log, ["price/all"]))[0]!.lostThrough).toBe(0);
    await log.close();
  });

  it("tells by pattern of what is lost before anything behind it", async () => {
    const log = await openFilled();
    const pages = await pagesOf(log);
    expect(offsetsOf(pages, "price/latest")).toEqual([1_498]);
    expect(offsetsOf(pages, "price/some").length).toBe(9);
    expect(offsetsOf(pages, "price/all").length).toBe(500);
    // Something is hidden between any two messages here, until the last ones.
    const starts = [0, ...pages.map(({ through }) => through)].filter((after) => after < 1_495);
    const untold = starts.filter((after, i) => pages[i]!.lostThrough <= after);
    expect(untold).toEqual([]);
    await log.close();
  });

  it("gives a subscriber of a hub the newest value, and a gap where it missed others", async () => {
    const name = `values-${(logs += 1)}`;
    const open = () =>
      createHub({
        log: natsLog(connection, { name }),
        retention: { topics: [{ topics: ["price"], messages: 1 }] },
      });
    const publisher = open();
    const [first] = await Promise.all(["1", "2", "3"].map((data) => publisher.publish("price", { data })));
    await publisher.drain();
    // Another hub: what the publisher's own has not handed out yet would come as it comes, whatever its bounds.
    const hub = open();
    const response = await hub.respond(
      new Request("http://127.0.0.1/", { headers: { "Last-Event-ID": first!.id } }),
      { topics: ["price"], onGap: "earliest" },
    );
    let text = "";
    void (async () => {
      for await (const bytes of response.body!) text += new TextDecoder().decode(bytes);
    })().catch(() => undefined);
    await expect.poll(() => text.match(/^data: \d$/gm)).toEqual(["data: 3"]);
    expect(text).toMatch(/^event: gap$/m);
    await hub.drain({ overMs: 0, graceMs: 100 });
  });
});
