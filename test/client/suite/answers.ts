/**
 * What a connection does about an answer: return, and when; refresh; stop.
 */
import { type Case, collector, equal, isBreak, ok, sleep, soon } from "./world.ts";

const define = (name: string, run: Case["run"]): Case => ({ name, door: "connect", run });

export const answers: readonly Case[] = [
  define("a broken stream returns from its last event ID, and half a message is none", async (world) => {
    const half = [...new TextEncoder().encode("id: 2\ndata: 好")].slice(0, -2);
    const site = await world.script(
      { body: [{ id: "1", data: "1" }, { bytes: half }], then: "stay" },
      { body: [{ id: "2", data: "2" }] },
      { status: 204 },
    );
    const data = collector<string>();
    const errors: unknown[] = [];
    const connection = world.connect(site.url, {
      onMessage: (message) => data.push(message.data),
      onError: ({ code, willRetry }) => void errors.push(code, willRetry),
    });
    await data.count(1);
    await site.cut();
    equal(await soon("the end", connection.ended), { reason: "complete" });
    equal(data.items, ["1", "2"]);
    equal(
      (await site.requests()).map(({ lastEventId }) => lastEventId),
      [undefined, "1", "2"],
    );
    const [first, ...others] = errors;
    ok(isBreak(first), `the first error is ${String(first)}`);
    equal(others, [true, "ended", true]);
  }),

  // A browser asks again by itself a few times before it says so.
  define("a refused connection is tried again", async ({ connect, script }) => {
    const site = await script(...Array.from({ length: 20 }, () => "refuse" as const), { status: 204 });
    const codes: string[] = [];
    const connection = connect(site.url, { onMessage() {}, onError: ({ code }) => void codes.push(code) });
    equal(await soon("the end", connection.ended, 30_000), { reason: "complete" });
    ok(codes.length >= 1 && codes.every((code) => code === "network"), `the errors are ${codes.join()}`);
  }),

  define("204 ends well, 404 gives up and says what came", async ({ connect, script }) => {
    const gone = await script({ status: 204 });
    equal(await soon("the end", connect(gone.url, { onMessage() {} }).ended), { reason: "complete" });
    const missing = await script({ status: 404, body: "没有这个流" });
    const { reason, cause } = await soon("the end", connect(missing.url, { onMessage() {} }).ended);
    const { code, status, body, willRetry } = cause as {
      code: string;
      status: number;
      body: string;
      willRetry: boolean;
    };
    equal([reason, code, status, body, willRetry], ["gave-up", "status", 404, "没有这个流", false]);
  }),

  define(
    "retry: 0 causes no storm, and retry: 99999999999 no timer that overflows",
    async ({ connect, script }) => {
      const zero = await script(...Array.from({ length: 90 }, () => ({ body: ["retry: 0\n\n"] })));
      const endless = await script(
        ...Array.from({ length: 90 }, () => ({ body: ["retry: 99999999999\n\n"] })),
      );
      const startMs = Date.now();
      const retry = { baseMs: 150, capMs: 150 };
      const [one, other] = [zero, endless].map(({ url }) => connect(url, { retry, onMessage() {} }));
      const { length } = await zero.until("four requests", (requests) => requests.length >= 4);
      const passedMs = Date.now() - startMs;
      one!.close();
      ok(length <= 2 + passedMs / 150, `there were ${length} requests in ${passedMs} ms`);
      await endless.until("a request", (requests) => requests.length > 0);
      other!.close();
      equal((await endless.requests()).length, 1);
    },
  ),

  define("what is no event stream is not read", async ({ connect, script }) => {
    const site = await script({ headers: { "content-type": "text/html" }, body: "data: portal\n\n" });
    const data: string[] = [];
    const connection = connect(site.url, { onMessage: (message) => void data.push(message.data) });
    const { reason, cause } = await soon("the end", connection.ended);
    equal([reason, (cause as { code: string }).code, data], ["gave-up", "content-type", []]);
  }),

  define("503 returns no sooner than Retry-After says", async ({ connect, script }) => {
    const site = await script(
      { status: 503, headers: { "retry-after": "1" }, body: "deploying" },
      { status: 204 },
    );
    const errors: unknown[] = [];
    const connection = connect(site.url, {
      onMessage() {},
      onError: ({ status, retryAfter, willRetry }) => void errors.push(status, retryAfter, willRetry),
    });
    await soon("the end", connection.ended);
    const [first, second] = await site.requests();
    equal(errors, [503, "1", true]);
    ok(second!.atMs - first!.atMs >= 990, `it returned after ${second!.atMs - first!.atMs} ms`);
  }),

  define("401 asks for fresh credentials once, and goes on with them", async ({ connect, script }) => {
    const site = await script({ status: 401 }, { body: [{ event: "done", data: "in" }] });
    let token = "old";
    let refreshed = 0;
    const connection = connect(site.url, {
      headers: () => ({ authorization: token }),
      async refresh() {
        await sleep(5);
        refreshed++;
        token = "new";
      },
      until: "done",
      onMessage() {},
    });
    equal([await soon("the end", connection.ended), refreshed], [{ reason: "complete" }, 1]);
    equal(
      (await site.requests()).map(({ headers }) => headers["authorization"]),
      ["old", "new"],
    );
  }),

  define("a redirect is followed, and the response says where to", async ({ connect, script }) => {
    const there = await script({ body: [{ event: "done", data: "here" }] });
    const site = await script({ status: 307, headers: { location: there.path } });
    const urls: string[] = [];
    const connection = connect(site.url, {
      until: "done",
      onMessage() {},
      onOpen: ({ url }) => void urls.push(url),
    });
    await soon("the end", connection.ended);
    equal(urls, [there.url]);
  }),

  define("onOpen sees the status and the headers", async ({ connect, script }) => {
    const site = await script({ headers: { "x-served-by": "one" }, body: [{ event: "done", data: "" }] });
    const seen: unknown[] = [];
    const connection = connect(site.url, {
      until: "done",
      onMessage() {},
      onOpen: (response) =>
        void seen.push(response.status, response.header("x-served-by"), response.header("x-none")),
    });
    await soon("the end", connection.ended);
    equal(seen, [200, "one", null]);
  }),

  define("each step is traced, and each state told", async ({ connect, script }) => {
    const site = await script({ body: [{ data: "1" }] }, { status: 204 });
    const steps: unknown[] = [];
    const states = collector<string>();
    const connection = connect(site.url, {
      onMessage() {},
      onState: (state) => states.push(state),
      trace: ({ attempt, what, state }) => void steps.push(`${attempt} ${what} ${state}`),
    });
    await soon("the end", connection.ended);
    const told = steps.join();
    ok(
      told.startsWith("1 start connecting,1 opened open,1 lost waiting,2 due connecting"),
      `the trace is ${told}`,
    );
    equal(states.items.slice(0, 3), ["open", "waiting", "connecting"]);
    equal(connection.state, "closed");
  }),
];
