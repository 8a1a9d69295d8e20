/**
 * How a connection ends, and that an end is one.
 */
import { type Case, collector, equal, isBreak, ok, sleep, soon } from "./world.ts";

const define = (name: string, run: Case["run"]): Case => ({ name, door: "connect", run });

export const endings: readonly Case[] = [
  define("complete: the message came that ends the stream well", async ({ connect, script }) => {
    const site = await script({
      body: [{ data: "half" }, { data: "[DONE]" }, { data: "never" }],
      then: "stay",
    });
    const data: string[] = [];
    const connection = connect(site.url, { method: "POST", until: (message) => message.data === "[DONE]" });
    for await (const message of connection) data.push(message.data);
    equal([data, await connection.ended], [["half", "[DONE]"], { reason: "complete" }]);
    await site.until("that it left", ([request]) => request!.state === "left");
  }),

  define(
    "truncated: an answer that stops in the middle is never taken for whole",
    async ({ connect, script }) => {
      const site = await script({ body: [{ data: "Half an" }, "data: ans"], then: "end" });
      const connection = connect(site.url, { method: "POST", onMessage() {} });
      const verdict = await soon("the end", connection.ended);
      ok(verdict.reason === "truncated", `the verdict is ${verdict.reason}`);
      equal([verdict.cause.code, verdict.unfinished?.data], ["ended", "ans"]);
      equal((await site.requests()).length, 1);
    },
  ),

  define("truncated: the loop over an answer that broke throws why", async ({ connect, script }) => {
    const site = await script({ body: [{ data: "1" }, "data: 2"], then: "stay" });
    const data: string[] = [];
    let code = "";
    try {
      for await (const message of connect(site.url, { method: "POST", until: "done" })) {
        data.push(message.data);
        await site.cut();
      }
    } catch (error) {
      ({ code } = error as { code: string });
    }
    equal(data, ["1"]);
    ok(isBreak(code), `the code is ${code}`);
  }),

  define("closed: leaving the loop closes, and the server sees it", async ({ connect, script }) => {
    const site = await script({ body: [{ data: "1" }, { data: "2" }], then: "stay" });
    const connection = connect(site.url);
    for await (const { data } of connection) {
      equal(data, "1");
      break;
    }
    equal(await soon("the end", connection.ended), { reason: "closed" });
    await site.until("that it left", ([request]) => request!.state === "left");
  }),

  define("closed: after close() there is no callback and no request", async ({ connect, script }) => {
    const steps = Array.from({ length: 50 }, (_, n) => [{ data: String(n) }, { waitMs: 10 }]).flat();
    const site = await script({ body: steps }, { body: steps });
    let calls = 0;
    let closed = false;
    let after = 0;
    const call = () => {
      calls++;
      if (closed) after++;
    };
    const connection = connect(site.url, { onMessage: call, onError: call, onOpen: call, trace: call });
    while (calls < 5) await sleep(5);
    connection.close();
    closed = true;
    connection.close();
    equal(await connection.ended, { reason: "closed" });
    await sleep(150);
    equal([after, connection.state, (await site.requests()).length], [0, "closed", 1]);
  }),

  define("closed: while it waits for the next attempt", async ({ connect, script }) => {
    const site = await script({ then: "cut" }, { body: [] });
    const states = collector<string>();
    const connection = connect(site.url, {
      retry: { baseMs: 100, capMs: 100 },
      onMessage() {},
      onState: (state) => states.push(state),
    });
    while (!states.items.includes("waiting")) await sleep(2);
    connection.close();
    await sleep(250);
    equal((await site.requests()).length, 1);
  }),

  define("closed: by await using", async ({ connect, script }) => {
    const site = await script({ then: "stay" });
    const connection = connect(site.url, { onMessage() {} });
    await site.until("a request", (requests) => requests.length === 1);
    await connection[Symbol.asyncDispose]();
    equal(await connection.ended, { reason: "closed" });
    await site.until("that it left", ([request]) => request!.state === "left");
  }),

  define("aborted: by its signal, in whatever state", async ({ connect, script }) => {
    const site = await script({ body: [{ data: "1" }], then: "stay" });
    const controller = new AbortController();
    const messages = collector<string>();
    const connection = connect(site.url, {
      signal: controller.signal,
      onMessage: ({ data }) => messages.push(data),
    });
    await messages.count(1);
    controller.abort("enough");
    equal(await soon("the end", connection.ended), { reason: "aborted", cause: "enough" });
    await site.until("that it left", ([request]) => request!.state === "left");
    const late = connect(site.url, { signal: controller.signal, onMessage() {} });
    equal(await soon("the end", late.ended), { reason: "aborted", cause: "enough" });
    equal((await site.requests()).length, 1);
  }),

  define("gave up: attempts are used up, and the last failure is the cause", async ({ connect, script }) => {
    const site = await script(
      { status: 500, body: "a" },
      { status: 502, body: "b" },
      { status: 503, body: "c" },
    );
    const connection = connect(site.url, { retry: { attempts: 3 }, onMessage() {} });
    const { reason, cause } = await soon("the end", connection.ended);
    const { code, cause: last } = cause as { code: string; cause: { status: number } };
    equal([reason, code, last.status, (await site.requests()).length], ["gave-up", "exhausted", 503, 3]);
  }),

  define("gave up: a stream that shall not return does not", async ({ connect, script }) => {
    const site = await script({ status: 500, body: "down" });
    const { reason, cause } = await soon(
      "the end",
      connect(site.url, { retry: false, onMessage() {} }).ended,
    );
    equal([reason, (cause as { body: string }).body], ["gave-up", "down"]);
    await sleep(60);
    equal((await site.requests()).length, 1);
  }),
];
