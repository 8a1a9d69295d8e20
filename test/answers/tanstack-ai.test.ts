/** Runs of TanStack AI, kept as answers: its own responses, cut off and returned to, in this process and in another. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  EventType,
  replayRunStream,
  resumeServerSentEventsResponse,
  type StreamChunk,
  type StreamDurability,
  toServerSentEventsResponse,
} from "@tanstack/ai";
import { connect } from "tidings/client";
import { createRunDurability } from "tidings/integrations/tanstack-ai";
import { memoryLog } from "tidings/log";
import { createAnswers } from "tidings/server";
import { afterEach, describe, expect, it } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

type Runs = ReturnType<typeof createRunDurability>;

function open(makeLog: (() => ReturnType<typeof memoryLog>) | undefined, idleMs?: number): Runs {
  const answers = createAnswers({ ...(makeLog && { log: makeLog(), joinMs: 0 }), onError: () => undefined });
  closers.push(() => answers.close());
  return createRunDurability({ answers, ...(idleMs && { idleMs }) });
}

const words = ["Hel", "lo", "\r\n", "你好", "🎉", "!"];

async function* chat(
  runId: string,
  wait: () => Promise<void> = async () => undefined,
): AsyncGenerator<StreamChunk> {
  const common = { timestamp: 0, runId, threadId: "t" };
  yield { type: EventType.RUN_STARTED, ...common };
  for (const delta of words) {
    yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta, ...common };
    await wait();
  }
  yield { type: EventType.RUN_FINISHED, ...common };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const textOf = (chunks: readonly unknown[]): string =>
  chunks.map((chunk) => (chunk as { delta?: string }).delta ?? "").join("");

describe.each([
  ["in memory", undefined],
  ["in a log", memoryLog],
])("createRunDurability(), %s", (_name, makeLog) => {
  it("serves TanStack AI's own responses, and a client that was cut off gets the rest, once", async () => {
    const runs = open(makeLog);
    const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
    async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
      const request = new Request(`http://localhost${incoming.url}`, {
        headers: incoming.headers as Record<string, string>,
      });
      const adapter = runs(request) as StreamDurability;
      const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 10));
      const response =
        incoming.method === "POST"
          ? toServerSentEventsResponse(chat("r/1", wait), { durability: { adapter, batch: 1 } })
          : resumeServerSentEventsResponse({ adapter });
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      for await (const bytes of response.body!) if (!outgoing.destroyed) outgoing.write(bytes);
      outgoing.end();
    }
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const chunks: { type: string }[] = [];
    const connection = connect(url, {
      method: "POST",
      headers: { "x-run-id": "r/1" },
      body: {},
      resume: () => ({ url, headers: {} }),
      retry: { baseMs: 100, capMs: 200 },
      until: ({ data }) => data.includes(EventType.RUN_FINISHED),
      onMessage: ({ data }) => {
        chunks.push(JSON.parse(data) as { type: string });
        if (chunks.length === 2 || chunks.length === 4) connection.reconnect();
      },
    });
    expect((await connection.ended).reason).toBe("complete");
    expect(textOf(chunks)).toBe(words.join(""));
    // A chunk of the package's own comes first: the id of the run.
    expect(chunks.map(({ type }) => type)).toEqual([
      EventType.CUSTOM,
      EventType.RUN_STARTED,
      ...words.map(() => EventType.TEXT_MESSAGE_CONTENT),
      EventType.RUN_FINISHED,
    ]);
  });

  it("gives offsets of its own, continues after each, and takes a snapshot without waiting", async () => {
    const runs = open(makeLog);
    const durability = runs<StreamChunk>({ runId: "a b" }) satisfies StreamDurability;
    expect([durability.resumeFrom(), await durability.snapshot()]).toEqual([null, []]);
    const chunks = await collect(chat("a b"));
    const offsets = [
      ...(await durability.append(chunks.slice(0, 3))),
      ...(await durability.append(chunks.slice(3))),
    ];
    expect(new Set(offsets).size).toBe(chunks.length);
    const stored = chunks.map((chunk, index) => ({ offset: offsets[index], chunk }));
    expect(await durability.snapshot()).toEqual(stored);
    const tailing = collect(runs({ runId: "a b" }).read(offsets[2]!));
    await durability.close();
    expect(await tailing).toEqual(stored.slice(3));
    expect(await collect(replayRunStream(runs({ runId: "a b" }) as StreamDurability))).toEqual(chunks);
    const request = new Request("http://localhost/", { headers: { "last-event-id": offsets[5]! } });
    const returning = runs(request);
    expect(returning.resumeFrom()).toBe(offsets[5]);
    expect(await collect(returning.read(returning.resumeFrom()!))).toEqual(stored.slice(6));
    expect(await durability.snapshot()).toEqual(stored);
  });

  it("fails for a run that never starts, for offsets of another run, and for a second producer", async () => {
    const runs = open(makeLog);
    const [one] = await runs({ runId: "one" }).append([{}] as never[]);
    await expect(collect(runs({ runId: "two" }).read("-1"))).rejects.toMatchObject({ code: "gone" });
    await expect(collect(runs({ runId: "two" }).read(one!))).rejects.toThrow(/is not an offset of it/);
    await expect(runs({ runId: "one" }).append([])).rejects.toThrow(/started by another request/);
  });

  it("fails a run that its producer has forgotten, as abandoned", async () => {
    const runs = open(makeLog, 100);
    const run = runs({ runId: "r" });
    await run.append([{ n: 1 }] as never[]);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { chunk } of runs<unknown>({ runId: "r" }).read("-1")) seen.push(chunk);
    })();
    await expect(reading).rejects.toMatchObject({ code: "abandoned" });
    expect(seen).toEqual([{ n: 1 }]);
    await expect(run.append([{ n: 2 }] as never[])).rejects.toThrow("the answer has ended");
  });

  it("lets a reader come before its run, and leave before it ends", async () => {
    const runs = open(makeLog);
    const abort = new AbortController();
    const reading = (async () => {
      const seen: unknown[] = [];
      for await (const { chunk } of runs<unknown>({ runId: "r" }).read("-1", abort.signal)) {
        seen.push(chunk);
        abort.abort();
      }
      return seen;
    })();
    await runs({ runId: "r" }).append([{ n: 1 }] as never[]);
    expect(await reading).toEqual([{ n: 1 }]);
  });

  it("is left by a reader that waits, at once", async () => {
    const runs = open(makeLog);
    const run = runs({ runId: "r" });
    await run.append([{ n: 1 }] as never[]);
    const loop = run.read("-1")[Symbol.asyncIterator]();
    await loop.next();
    const waiting = loop.next();
    expect([await loop.return!(), await waiting]).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });
});
