import { afterEach, describe, expect, it } from "vitest";
import { Reader, serveHub, until, type HubServer } from "../../../../../test/support/hub-server.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";

const open: (HubServer | Reader)[] = [];
afterEach(async () => {
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one instanceof Reader) one.cut();
    else await one.close();
  }
});

async function serve(
  options: HubOptions = {},
  subscribe: Partial<SubscribeOptions> = {},
): Promise<HubServer> {
  const server = await serveHub(options, (at) => ({
    subscriber: at.searchParams.get("who") ?? "ann",
    ...subscribe,
  }));
  open.push(server);
  return server;
}

async function read(url: string, lastEventId?: string): Promise<Reader> {
  const reader = await Reader.open(url, lastEventId);
  open.push(reader);
  return reader;
}

describe("hub.inspect()", () => {
  it("tells apart what was sent, not selected, filtered out, and published before the stream", async () => {
    const { hub, url } = await serve({}, { filter: ({ data }) => data !== "hidden" });
    const before = await hub.publish("a", { data: "before" });
    const reader = await read(`${url}?topic=a`);
    const sent = await hub.publish("a", { data: "sent" });
    const other = await hub.publish("b", { data: "other" });
    const hidden = await hub.publish("a", { data: "hidden" });
    await hub.publish("a", { data: "last" });
    await reader.messagesUntil(2);
    const verdict = async (id: string): Promise<string> => (await hub.inspect(id)).streams[0]!.verdict;
    expect(await Promise.all([before, sent, other, hidden].map(({ id }) => verdict(id)))).toEqual([
      "before",
      "sent",
      "not-selected",
      "filtered",
    ]);
    expect(await hub.inspect(sent.id)).toEqual({
      silent: [],
      message: "retained",
      topic: "a",
      publishedAtMs: expect.any(Number),
      streams: [
        {
          subscriber: "ann",
          topics: ["a"],
          openedAtMs: expect.any(Number),
          endedAtMs: undefined,
          end: undefined,
          verdict: "sent",
          reason: undefined,
          bufferedBytes: 0,
        },
      ],
    });
  });

  it("looks at one subscriber when asked to, also at streams that are over", async () => {
    const { hub, url } = await serve();
    const ann = await read(`${url}?topic=a`);
    await read(`${url}?topic=a&who=bob`);
    await until(() => hub.stats().streams === 2);
    ann.cut();
    await until(() => hub.stats().streams === 1);
    const { id } = await hub.publish("a", { data: "1" });
    const { streams } = await hub.inspect(id, { subscriber: "ann" });
    expect(streams).toMatchObject([{ subscriber: "ann", end: "peer-left", verdict: "after" }]);
    expect((await hub.inspect(id)).streams).toHaveLength(2);
    expect((await hub.inspect(id, { subscriber: "carl" })).streams).toEqual([]);
  });

  it("says which gap it was lost in", async () => {
    const { hub, url } = await serve({ retention: { messages: 2 } });
    const ids: string[] = [];
    for (let i = 1; i <= 6; i += 1) ids.push((await hub.publish("a", { data: i })).id);
    const reader = await read(`${url}?topic=a`, ids[0]);
    await reader.messagesUntil(1);
    const found = await Promise.all(ids.map((id) => hub.inspect(id)));
    expect(found.map(({ message }) => message)).toEqual([
      "discarded",
      "discarded",
      "discarded",
      "discarded",
      "retained",
      "retained",
    ]);
    expect(found.map(({ streams }) => streams[0]!.verdict)).toEqual([
      "before",
      "gap",
      "gap",
      "gap",
      "gap",
      "gap",
    ]);
    expect(found[2]!.streams[0]!.reason).toBe("retention");
  });

  it("knows that the retained were sent behind a gap, when they were", async () => {
    const { hub, url } = await serve({ retention: { messages: 2 } }, { onGap: "earliest" });
    const ids: string[] = [];
    for (let i = 1; i <= 6; i += 1) ids.push((await hub.publish("a", { data: i })).id);
    await (await read(`${url}?topic=a`, ids[0])).messagesUntil(3);
    const verdicts = await Promise.all(ids.map(async (id) => (await hub.inspect(id)).streams[0]!.verdict));
    expect(verdicts).toEqual(["before", "gap", "gap", "gap", "sent", "sent"]);
  });

  it("says that a message waits for a peer that does not read", async () => {
    const { hub, url } = await serve();
    const slow = await read(`${url}?topic=a`);
    slow.pause();
    let id = "";
    await until(() => {
      void hub.publish("a", { data: "x".repeat(100_000) }).then((published) => (id = published.id));
      return hub.stats().blockedStreams === 1;
    }, "the blocked stream");
    ({ id } = await hub.publish("a", { data: "waits" }));
    const [stream] = (await hub.inspect(id)).streams;
    expect(stream).toMatchObject({ verdict: "waiting" });
    expect(stream!.bufferedBytes).toBeGreaterThan(0);
  });

  it("knows ids that are not of this log", async () => {
    const { hub, url } = await serve();
    await read(`${url}?topic=a`);
    const { id } = await hub.publish("a", { data: "1" });
    const epoch = id.split(".")[0]!;
    const found = await Promise.all(
      ["x.1", "nonsense", `${epoch}.0`, `${epoch}.99`].map((one) => hub.inspect(one)),
    );
    expect(found.map(({ message, streams }) => [message, streams.length])).toEqual([
      ["other-log", 0],
      ["not-an-id", 0],
      ["not-an-id", 0],
      ["not-published", 0],
    ]);
  });
});
