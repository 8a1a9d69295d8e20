/**
 * What a connection makes of the bytes: messages, in order, whole, typed, and at the reader's pace.
 */
import type { Schema } from "tidings/client";
import { type Case, collector, equal, type JsonStep, ok, sleep, soon } from "./world.ts";

const define = (name: string, run: Case["run"]): Case => ({ name, door: "connect", run });

/** As a library of Standard Schema would make it. */
const price: Schema<{ bid: number }> = {
  "~standard": {
    version: 1,
    vendor: "suite",
    validate: (value) =>
      typeof (value as { bid?: unknown }).bid === "number"
        ? { value: value as { bid: number } }
        : { issues: [{ message: "bid must be a number" }] },
  },
};

/** Firefox goes on to read for a while what it has been sent, and on a busy machine that takes long. */
const PATIENT_MS = 60_000;

export const messages: readonly Case[] = [
  define("Chinese text is whole wherever its bytes are cut", async ({ connect, script, chunkPauseMs }) => {
    const text = "data: 你好🙂\n\n";
    const bytes = [...new TextEncoder().encode(text)];
    const body: JsonStep[] = [];
    for (let at = 1; at < bytes.length; at++) {
      body.push({ bytes: bytes.slice(0, at) }, { waitMs: chunkPauseMs }, { bytes: bytes.slice(at) });
    }
    const site = await script({ body: [...body, { event: "done", data: "" }] });
    const data: string[] = [];
    const connection = connect(site.url, { until: "done" });
    for await (const message of connection) if (message.event !== "done") data.push(message.data);
    equal(
      data,
      Array.from({ length: bytes.length - 1 }, () => "你好🙂"),
    );
  }),

  define(
    "messages, event types, IDs, comments and all line ends are what the standard says",
    async ({ connect, script }) => {
      const site = await script({
        body: [
          "\uFEFF: comment\r\nid: 1\r\ndata: a\r\ndata:  b\r\n\r\n",
          "event: 价格\rdata\rdata:c\r\r",
          "event: lost\n\nid: 2\n\ndata: d\nunknown: x\n\nid: 3\0\ndata: e\n\nevent: done\ndata: f\n\n",
          "data: after the end\n\n",
        ],
      });
      const seen: unknown[] = [];
      const connection = connect(site.url, {
        until: "done",
        onMessage: (message) => void seen.push(message),
      });
      equal(await soon("the end", connection.ended), { reason: "complete" });
      equal(seen, [
        { event: "message", data: "a\n b", id: "1" },
        { event: "价格", data: "\nc", id: "1" },
        { event: "message", data: "d", id: "2" },
        { event: "message", data: "e", id: "2" },
        { event: "done", data: "f", id: "2" },
      ]);
    },
  ),

  define("only the first of two byte order marks is none", async ({ connect, script }) => {
    const site = await script({ body: ["\uFEFF\uFEFFdata: 1\n\ndata: 2\n\nevent: done\ndata: 3\n\n"] });
    const data: string[] = [];
    for await (const message of connect(site.url, { until: "done" })) data.push(message.data);
    equal(data, ["2", "3"]);
  }),

  define("UTF-8 it is, whatever the content type says", async ({ connect, script }) => {
    const headers = { "content-type": "text/event-stream; charset=gbk" };
    const site = await script({ headers, body: [{ event: "done", data: "你好" }] });
    const data: string[] = [];
    for await (const message of connect(site.url, { until: "done" })) data.push(message.data);
    equal(data, ["你好"]);
  }),

  define("a message of a megabyte comes whole", async ({ connect, script }) => {
    const long = "长".repeat(300_000);
    const site = await script({ body: [{ event: "done", data: `${long}\n${long}` }] });
    const lengths: number[] = [];
    for await (const message of connect(site.url, { until: "done" })) lengths.push(message.data.length);
    equal(lengths, [600_001]);
  }),

  define(
    "pushed messages come in order and one at a time, however slow their handlers",
    async ({ connect, script }) => {
      const site = await script({
        body: ["1", "2", "3"].map((data) => ({ event: "n", data })).concat({ event: "done", data: "" }),
      });
      const seen: string[] = [];
      const connection = connect(site.url, {
        until: "done",
        onMessage: ({ data }) => void seen.push(`all ${data}`),
      });
      connection.on("n", async ({ data }) => {
        seen.push(`begin ${data}`);
        await sleep(10);
        seen.push(`end ${data}`);
      });
      const remove = connection.on("n", () => {
        seen.push("once");
        remove();
      });
      await soon("the end", connection.ended);
      equal(seen.join(), "all 1,begin 1,once,end 1,all 2,begin 2,end 2,all 3,begin 3,end 3,all ");
    },
  ),

  define("readable is the messages as a stream", async ({ connect, script }) => {
    const site = await script({ body: [{ data: "1" }, { event: "done", data: "2" }] });
    const reader = connect(site.url, { until: "done" }).readable.getReader();
    const data: unknown[] = [];
    for (let read = await reader.read(); !read.done; read = await reader.read()) data.push(read.value.data);
    equal(data, ["1", "2"]);
  }),

  {
    ...define("a reader that waits holds the server back", async ({ connect, script }) => {
      // More than the buffers on the way may hold.
      const site = await script({
        body: [{ repeat: 1500, text: `data: ${"x".repeat(65_000)}\n\n` }],
        then: "stay",
      });
      const iterator = connect(site.url)[Symbol.asyncIterator]();
      await iterator.next();
      await site.until(
        "a write that stalls for 200 ms",
        async () => {
          for (let time = 0; time < 5; time++) {
            if (!(await site.requests())[0]!.isStalled) return false;
            await sleep(40);
          }
          return true;
        },
        PATIENT_MS,
      );
      await iterator.return!();
      await site.until("that it left", ([request]) => request!.state === "left", PATIENT_MS);
    }),
    alone: true,
  },

  define("data is JSON where it is said to be", async ({ connect, script }) => {
    const site = await script({
      body: [{ data: { 价: 1.5 } }, "data: no JSON\n\n", { event: "done", data: "[]" }],
    });
    const errors: string[] = [];
    const data: unknown[] = [];
    const connection = connect(site.url, {
      json: true,
      until: "done",
      onError: ({ code }) => void errors.push(code),
    });
    for await (const message of connection) data.push(message.data);
    equal([data, errors], [[{ 价: 1.5 }, []], ["invalid"]]);
  }),

  define(
    "data is checked by schema: what does not fit is skipped, emitted or thrown",
    async ({ connect, script }) => {
      const body = [
        'event: price\ndata: {"bid":1}\n\nevent: price\ndata: {}\n\nevent: else\ndata: 1\n\nevent: price\ndata: {"bid":2}\n\n',
      ];
      const site = await script({ body }, { body }, { body });
      const bids: unknown[] = [];
      const take = { retry: false, events: { price } } as const;
      const skipping = connect(site.url, take);
      skipping.on("price", ({ data }) => void bids.push(data.bid));
      await soon("the end", skipping.ended);
      const emitted: unknown[] = [];
      const emitting = connect(site.url, {
        ...take,
        invalid: "emit",
        onMessage: ({ data }) => void emitted.push(data),
      });
      await soon("the end", emitting.ended);
      const throwing = await soon(
        "the end",
        connect(site.url, { ...take, invalid: "throw", onMessage() {} }).ended,
      );
      equal(
        [bids, emitted],
        [
          [1, 2],
          [{ bid: 1 }, "{}", { bid: 2 }],
        ],
      );
      equal((throwing.cause as { code: string }).code, "invalid");
    },
  ),

  define("what came before is dropped, and a gap is told", async ({ connect, script }) => {
    const gap = { from: "epoch-aaaa.3", to: "epoch-aaaa.4", reason: "retention" };
    const site = await script(
      {
        body: [
          ":epoch epoch-aaaa\n",
          { id: "epoch-aaaa.1", data: "1" },
          { id: "epoch-aaaa.2", data: "2" },
          { waitMs: 200 },
        ],
      },
      {
        body: [
          { id: "epoch-aaaa.2", data: "2" },
          { event: "gap", data: gap, id: "epoch-aaaa.4" },
          { id: "epoch-aaaa.5", event: "done", data: "5" },
        ],
      },
    );
    const data: string[] = [];
    const gaps: unknown[] = [];
    const connection = connect(site.url, {
      until: "done",
      onMessage: (message) => void (message.event === "gap" || data.push(message.data)),
      onGap: (told) => void gaps.push(told),
    });
    await soon("the end", connection.ended);
    equal([data, gaps.length, (gaps[0] as { reason: string }).reason], [["1", "2", "5"], 1, "retention"]);
    equal((await site.requests())[1]!.lastEventId, "epoch-aaaa.2");
  }),

  define("a message that is too long ends the connection, and says so", async ({ connect, script }) => {
    const site = await script({ body: [`data: ${"x".repeat(2000)}\n\n`], then: "stay" });
    const verdict = await soon("the end", connect(site.url, { maxMessageBytes: 1000, onMessage() {} }).ended);
    equal([verdict.reason, (verdict.cause as { code: string }).code], ["gave-up", "too-large"]);
    await site.until("that it left", ([request]) => request!.state === "left");
  }),

  define("comments keep a stream from being idle, and silence does not", async ({ connect, script }) => {
    const beats: JsonStep[] = Array.from({ length: 10 }, () => [{ waitMs: 250 }, { comment: "" }]).flat();
    // On a busy machine the answer may take longer than the limit, too.
    const enough = Array.from({ length: 5 }, () => ({ status: 204 }));
    const site = await script({ body: [...beats, { id: "1", data: "1" }], then: "stay" }, ...enough);
    const errors = collector<string>();
    const data: string[] = [];
    const connection = connect(site.url, {
      idleMs: 2000,
      onMessage: (message) => void data.push(message.data),
      onError: ({ code }) => errors.push(code),
    });
    await soon("the end", connection.ended, 30_000);
    const [first, second] = await site.requests();
    equal([errors.items[0], data, second!.lastEventId], ["idle", ["1"], "1"]);
    ok(second!.atMs - first!.atMs >= 4400, `it returned after ${second!.atMs - first!.atMs} ms`);
  }),
];
